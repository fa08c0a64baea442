"""Generated clips with a question each, endless.

Package size and frame rate are drawn for each clip (paper, section 2.1) such that the question can be answered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import PIL.Image

from demiglace.conversation import Conversation, Image, Part, Video, VideoSampling
from demiglace.data.source import EndlessSource
from demiglace.fields import Field, ListOf, Real, Whole, Words, check_attributes
from demiglace.scoring.answer_filter import teaches_reasoning
from demiglace.scoring.question import Question, conversation
from demiglace.synthesis.clips.clip import Container, encode, place
from demiglace.synthesis.clips.clip_question import ClipGenerator, ClipQuestion, listed
from demiglace.synthesis.clips.kinds import CLIP_KINDS, random_size
from demiglace.typography.words import pick

FRAME_RATES = (20, 30)  # of the files: a flash is on two or three frames
CONTAINERS: tuple[Container, ...] = ("mp4", "webm")
LEAST_SIDE, MOST_SIDE = 84, 448  # pixels
SHARES = ("long_share", "spoken_share", "several_share")
OPTIONS: Mapping[str, Field] = {
    "kinds": ListOf(Words(tuple(CLIP_KINDS)), least=1),
    "side": Whole(LEAST_SIDE, MOST_SIDE),
    "max_fps": Real(1, 60),
    "max_package_frames": Whole(1, 6),
    "max_packages": Whole(1, 10_000),
    **dict.fromkeys(SHARES, Real(0, 1)),
}


@dataclass(frozen=True)
class GeneratedClips(EndlessSource):
    """Clips of 1 to 6 seconds, each with a question and a short or long answer.

    kinds: of `CLIP_KINDS`, all equally likely.
    side: square root of a frame's number of pixels; its aspect ratio is between 3:4 and 4:3.
    max_fps, max_package_frames: the largest values drawn.
    max_packages: of one clip; a clip never has more frames than fit in them.
    long_share, spoken_share: shares of the answers that have reasoning steps, and that are a sentence.
    several_share: share of the samples with more than one clip or image, whose question says which is meant.
    """

    name: str
    kinds: Sequence[str] = field(default=tuple(CLIP_KINDS), hash=False)
    side: int = 126  # ours: below a slice of the nano model
    max_fps: float = 10.0  # paper, section 2.1
    max_package_frames: int = 6  # paper, section 2.1
    max_packages: int = 10  # ours: six seconds at 10 fps in packages of 6
    long_share: float = 0.3  # ours
    spoken_share: float = 0.3  # ours
    several_share: float = 0.2  # ours

    def __post_init__(self) -> None:
        """Raises ValueError on values outside `OPTIONS`."""
        check_attributes(self, OPTIONS)

    def read(self, block: int, row: int, seed: tuple[int, ...]) -> Conversation:
        """If fonts or words are missing, raises ValueError that names the extra to install."""
        rng = np.random.default_rng((*seed, block, row))
        parts, question = self._draw(rng)
        is_long, is_spoken = bool(rng.random() < self.long_share), bool(rng.random() < self.spoken_share)
        return conversation(question, parts, is_long and teaches_reasoning(question), is_spoken)

    def ask(self, block: int, row: int, seed: tuple[int, ...]) -> tuple[Sequence[Part], Question]:
        """The media and the question without an answer, for scoring a model's answer; errors as in `read`."""
        return self._draw(np.random.default_rng((*seed, block, row)))

    def where(self, block: int, row: int) -> str:
        return f"{self.name}, clip {row}"

    def _draw(self, rng: np.random.Generator) -> tuple[list[Part], Question]:
        make_clip = CLIP_KINDS[pick(rng, self.kinds)]
        if rng.random() >= self.several_share:
            return self._one(rng, make_clip)
        if rng.random() < 0.5:
            return self._clips(rng, make_clip)
        return self._clip_and_frame(rng, make_clip)

    def _one(self, rng: np.random.Generator, make_clip: ClipGenerator) -> tuple[list[Part], Question]:
        asked = make_clip(rng, random_size(rng, self.side))
        return [self._video(rng, asked)], asked.question

    def _clips(self, rng: np.random.Generator, make_clip: ClipGenerator) -> tuple[list[Part], Question]:
        """Two or three clips of one kind, with a question about one of them."""
        clips = [make_clip(rng, random_size(rng, self.side)) for _ in range(int(rng.integers(2, 4)))]
        meant = int(rng.integers(len(clips)))
        question = _about(clips[meant].question, f"the {('first', 'second', 'third')[meant]} clip")
        return [self._video(rng, asked) for asked in clips], question

    def _clip_and_frame(self, rng: np.random.Generator, make_clip: ClipGenerator) -> tuple[list[Part], Question]:
        """A clip and one of its frames as an image, in random order, with a question about one of them."""
        asked = make_clip(rng, random_size(rng, self.side))
        time_s = float(rng.uniform(0, asked.clip.seconds))
        parts: list[Part] = [self._video(rng, asked), Image(PIL.Image.fromarray(asked.clip.draw(time_s)))]
        if asked.clip.figures and rng.random() < 0.5:
            question = _about(_frame_question(asked, time_s), "the picture")
        else:
            question = _about(asked.question, "the clip")
        return parts if rng.random() < 0.5 else parts[::-1], question

    def _video(self, rng: np.random.Generator, asked: ClipQuestion) -> Video:
        fps, container = FRAME_RATES[rng.integers(len(FRAME_RATES))], CONTAINERS[rng.integers(len(CONTAINERS))]
        return Video(encode(asked.clip, fps, container), self._sampling(rng, asked, fps))

    def _sampling(self, rng: np.random.Generator, asked: ClipQuestion, fps: int) -> VideoSampling:
        """A sampling that shows the answer; if the limits are too low for that, the most they allow."""
        most = VideoSampling(self.max_fps, self.max_packages, self.max_package_frames, force_package_frames=True)
        for _ in range(20):
            rate, size = (
                round(float(rng.uniform(1, self.max_fps)), 1),
                int(rng.integers(1, self.max_package_frames + 1)),
            )
            sampling = replace(most, fps=rate, package_frames=size)
            if asked.is_answerable(sampling, fps):
                return sampling
        return most


def _about(question: Question, which: str) -> Question:
    steps = (f"The question is about {which}.", *question.steps)
    return replace(question, text=f"About {which}: {question.text}", steps=steps)


def _frame_question(asked: ClipQuestion, time_s: float) -> Question:
    figures = [figure for figure in asked.clip.figures if place(figure.path, time_s) is not None]
    names = [f"{figure.colour(time_s)} {figure.shape}" for figure in figures]
    count = len(names)
    seen = f"I see {listed(names)}." if names else "I see no shape."
    text = "How many shapes does it show?"
    spoken = f"It shows {count} {'shape' if count == 1 else 'shapes'}."
    return Question("picture", text, str(count), spoken, (seen, f"Check: {count} in all."))
