"""A clip with a question about it and the time spans that show the answer, and helpers that all such clips share.

Sizes and probabilities are ours. Times are whole tenths of a second, so that answers can state them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from demiglace.conversation import VideoSampling
from demiglace.media.frame_sampling import plan_frames
from demiglace.scoring.question import Question
from demiglace.synthesis.clips.clip import SHAPES, Clip, Figure, Waypoint
from demiglace.synthesis.palette import CLIP_COLOURS
from demiglace.typography.ink_colours import Colour

Size = tuple[int, int]  # width and height in pixels
Span = tuple[float, float]  # seconds, the end not included
Point = tuple[float, float]
ShapeKind = tuple[str, str]  # a shape and a colour


@dataclass(frozen=True)
class ClipQuestion:
    """evidence_spans: start and end in seconds; at least one frame of each span is needed to answer."""

    clip: Clip
    question: Question
    evidence_spans: tuple[Span, ...]

    def is_answerable(self, sampling: VideoSampling, fps: float) -> bool:
        """Whether the frames sampled from the clip, encoded at `fps` frames a second, show the answer."""
        times = plan_frames(self.clip.seconds, sampling, fps).times
        return all(any(start <= time < end for time in times) for start, end in self.evidence_spans)


ClipGenerator = Callable[[np.random.Generator, Size], ClipQuestion]


def random_kinds(rng: np.random.Generator, count: int) -> list[ShapeKind]:
    """Pairs of shape and colour; no shape and no colour occurs twice."""
    shapes = rng.choice(list(SHAPES), count, replace=False)
    colours = rng.choice(list(CLIP_COLOURS), count, replace=False)
    return [(str(shape), str(colour)) for shape, colour in zip(shapes, colours, strict=True)]


def random_name(rng: np.random.Generator, kind: ShapeKind) -> str:
    """The shape, with its colour or without."""
    shape, colour = kind
    return shape if rng.random() < 0.4 else f"{colour} {shape}"


def full_name(kind: ShapeKind) -> str:
    shape, colour = kind
    return f"{colour} {shape}"


def random_radius(rng: np.random.Generator, size: Size) -> float:
    return float(rng.uniform(0.09, 0.13)) * min(size)


def random_places(rng: np.random.Generator, count: int, size: Size, radius: float) -> list[Point]:
    """Centres of different cells of a grid; there are at least nine."""
    columns, rows = (int(side / (2.4 * radius)) for side in size)
    cells = rng.choice(columns * rows, count, replace=False)
    return [((cell % columns + 0.5) * size[0] / columns, (cell // columns + 0.5) * size[1] / rows) for cell in cells]


def random_paper(rng: np.random.Generator) -> Colour:
    """Nearly black or nearly white, with a tint."""
    grey = rng.integers(10, 50) if rng.random() < 0.5 else rng.integers(215, 246)
    red, green, blue = (int(level) for level in grey + rng.integers(-10, 10, 3))
    return red, green, blue


def tenths(rng: np.random.Generator, least: float, most: float) -> float:
    """Seconds between `least` and `most`, in whole tenths."""
    return round(float(rng.uniform(least, most)), 1)


def still(kind: ShapeKind, radius: float, at: Point, start_s: float, end_s: float) -> Figure:
    """A figure that does not move."""
    shape, colour = kind
    return Figure(shape, ((start_s, colour),), radius, (Waypoint(start_s, *at), Waypoint(end_s, *at)))


def timeline(lengths: Sequence[float]) -> list[float]:
    """The boundaries, from 0 to the end, of consecutive time spans of these lengths."""
    return [round(float(moment), 1) for moment in np.cumsum([0.0, *lengths])]


def seconds_in_words(time_s: float) -> str:
    return f"{time_s:.1f} s"


def listed(names: Sequence[str]) -> str:
    """ "the a, the b and the c"."""
    *rest, last = [f"the {name}" for name in names]
    return f"{', '.join(rest)} and {last}" if rest else last


def times_in_words(count: int) -> str:
    return f"{count} time" if count == 1 else f"{count} times"
