"""A clip of known contents: figures and text that move along paths, drawn at any time and encoded as a video file."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, NamedTuple

import numpy as np
import PIL.Image
import PIL.ImageDraw

from demiglace.synthesis.palette import CLIP_COLOURS
from demiglace.typography.fonts import Face, load_font
from demiglace.typography.ink_colours import Colour

Container = Literal["mp4", "webm"]


class Waypoint(NamedTuple):
    """A time in seconds, and a place in pixels from the top left corner."""

    time_s: float
    x: float
    y: float


Path = tuple[Waypoint, ...]  # linear between waypoints; on screen from the first until the last


def place(path: Path, time_s: float) -> tuple[float, float] | None:
    """The position on the path at a time, None while it is not on screen."""
    if not path[0].time_s <= time_s < path[-1].time_s:
        return None
    times, xs, ys = zip(*path, strict=True)
    return float(np.interp(time_s, times, xs)), float(np.interp(time_s, times, ys))


@dataclass(frozen=True)
class Figure:
    """A filled shape whose centre moves along its path; it extends `radius` pixels from there along both axes.

    shape: of `SHAPES`.
    colours: of `CLIP_COLOURS`, each with the time from which the figure has it, the first when it comes on screen.
    """

    shape: str
    colours: tuple[tuple[float, str], ...]
    radius: float
    path: Path

    def colour(self, time_s: float) -> str:
        return [name for start, name in self.colours if start <= time_s][-1]


@dataclass(frozen=True)
class Writing:
    """One line of text whose left end, at half its height, moves along its path; `size` in pixels per em."""

    text: str
    face: Face
    size: int
    ink: Colour
    path: Path


@dataclass(frozen=True)
class Clip:
    """A clip of `seconds` with frames of `width` by `height` pixels, both even; writings are drawn above figures."""

    width: int
    height: int
    seconds: float
    paper: Colour
    figures: tuple[Figure, ...]
    writings: tuple[Writing, ...] = ()

    def draw(self, time_s: float) -> np.ndarray:
        """The frame at a time: uint8 (height, width, 3)."""
        frame = np.full((self.height, self.width, 3), self.paper, np.float32)
        for figure in self.figures:
            if (centre := place(figure.path, time_s)) is not None:
                _paint_figure(frame, figure, centre, figure.colour(time_s))
        for writing in self.writings:
            if (left := place(writing.path, time_s)) is not None:
                _paint_writing(frame, writing, left)
        return np.rint(frame).astype(np.uint8)


def encode(clip: Clip, fps: int, container: Container) -> bytes:
    """A video file, H.264 in MP4 or VP8 in WebM; the same clip always gives the same bytes.

    Frame number n shows the clip in the middle of its time on screen, at (n + 0.5) / `fps`.
    """
    import av

    codec, options = _ENCODERS[container]
    file = io.BytesIO()
    with av.open(file, "w", format=container, options={"fflags": "+bitexact"}) as output:  # else WebM has random ids
        video = output.add_stream(codec, rate=fps, options=options)
        assert isinstance(video, av.VideoStream)
        video.width, video.height, video.pix_fmt = clip.width, clip.height, "yuv420p"
        video.codec_context.thread_count = 1  # the bytes depend on it
        for number in range(round(clip.seconds * fps)):
            frame = av.VideoFrame.from_ndarray(clip.draw((number + 0.5) / fps), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, fps)
            output.mux(video.encode(frame))
        output.mux(video.encode())
    return file.getvalue()


_ENCODERS = {
    # With macroblock-tree rate control libx264 (165, in PyAV 18.1) sometimes encodes the same frames differently.
    "mp4": ("libx264", {"preset": "veryfast", "crf": "18", "x264-params": "mbtree=0"}),
    "webm": ("libvpx", {"deadline": "good", "cpu-used": "4", "crf": "8", "b": "2M"}),  # "realtime" depends on the clock
}


def _paint_figure(frame: np.ndarray, figure: Figure, centre: tuple[float, float], colour: str) -> None:
    (x, y), reach = centre, figure.radius + 1
    left, top = max(int(x - reach), 0), max(int(y - reach), 0)
    area = frame[top : int(y + reach) + 1, left : int(x + reach) + 1]
    rows, columns = np.ogrid[: area.shape[0], : area.shape[1]]
    outside = SHAPES[figure.shape](columns + left + 0.5 - x, rows + top + 0.5 - y, figure.radius)
    _blend(area, np.clip(0.5 - outside, 0, 1), CLIP_COLOURS[colour])


def _paint_writing(frame: np.ndarray, writing: Writing, left: tuple[float, float]) -> None:
    mask = PIL.Image.new("L", (frame.shape[1], frame.shape[0]))
    font = load_font(writing.face, writing.size)
    PIL.ImageDraw.Draw(mask).text(left, writing.text, font=font, fill=255, anchor="lm")
    _blend(frame, np.asarray(mask, np.float32) / 255, writing.ink)


def _blend(area: np.ndarray, covered: np.ndarray, colour: Colour) -> None:
    area += covered[..., None] * (np.array(colour, np.float32) - area)


# A shape is a signed distance function: pixels from its edge, negative inside, at x, y from its centre (y downwards).
_Shape = Callable[[np.ndarray, np.ndarray, float], np.ndarray]


def _circle(x: np.ndarray, y: np.ndarray, radius: float) -> np.ndarray:
    return np.hypot(x, y) - radius


def _square(x: np.ndarray, y: np.ndarray, radius: float) -> np.ndarray:
    return np.maximum(abs(x), abs(y)) - radius


def _diamond(x: np.ndarray, y: np.ndarray, radius: float) -> np.ndarray:
    return (abs(x) + abs(y) - radius) / 2**0.5


def _triangle(x: np.ndarray, y: np.ndarray, radius: float) -> np.ndarray:
    return np.maximum(y - radius, (2 * abs(x) - y - radius) / 5**0.5)


def _cross(x: np.ndarray, y: np.ndarray, radius: float) -> np.ndarray:
    longer, shorter = np.maximum(abs(x), abs(y)), np.minimum(abs(x), abs(y))
    return np.maximum(longer - radius, shorter - radius / 3)


def _star(x: np.ndarray, y: np.ndarray, radius: float) -> np.ndarray:
    """Five points, one of them up: folded by symmetry onto half a point, whose edge runs from the tip to the notch."""
    angle = abs(np.mod(np.arctan2(x, -y) + np.pi / 5, 2 * np.pi / 5) - np.pi / 5)
    along, aside = np.hypot(x, y) * np.cos(angle), np.hypot(x, y) * np.sin(angle)
    notch = 0.42 * radius * np.array([np.cos(np.pi / 5), np.sin(np.pi / 5)])
    normal = np.array([notch[1], radius - notch[0]])
    return ((along - radius) * normal[0] + aside * normal[1]) / np.hypot(*normal)


SHAPES: dict[str, _Shape] = {
    "circle": _circle,
    "square": _square,
    "triangle": _triangle,
    "diamond": _diamond,
    "star": _star,
    "cross": _cross,
}
