"""Pictures and clips of known contents, a question about each, and whether a claim about one is true.

The questions are those that the nano model answers in claims: it lists the shapes of a picture row by row, and says how
often something in a clip flashes or appears.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from demiglace.conversation import Image, Message, Part, Text, Video, VideoSampling
from demiglace.rl.claims import claims_by_rule
from demiglace.rl.prompts import Prompt
from demiglace.scoring.question import Question, in_a_sentence
from demiglace.synthesis.clips import events
from demiglace.synthesis.clips.clip import encode
from demiglace.synthesis.clips.kinds import random_size
from demiglace.synthesis.questions.scenes import ROWS, draw_scene, random_scene

SIDE, MOST_SHAPES, FILE_FPS = 140, 3, 20
ROW_BY_ROW = "Which shapes are there? Answer row by row, each from left to right."
KINDS = (events.flashes, events.count)
SAMPLING = VideoSampling(fps=10, package_frames=4, force_package_frames=True)


@dataclass(frozen=True)
class Contents:
    """What is shown and asked. answer: the truth as the model would say it; shapes: names of those in a picture."""

    domain: str
    part: Part
    question: str
    answer: str
    shapes: frozenset[str] = frozenset()

    @cached_property
    def true_claims(self) -> frozenset[str]:
        return frozenset(claim.question for claim in claims_by_rule(self.question, self.answer))

    def prompt(self, number: int) -> Prompt:
        asked = Question(self.domain, self.question, self.answer, self.answer)
        return Prompt(number, self.domain, "short", asked, (Message("user", (self.part, Text(self.question))),))


def contents(seed: int, number: int) -> Contents:
    """Every third is a clip."""
    rng = np.random.default_rng((seed, number))
    return _clip(rng, number) if number % 3 == 2 else _picture(rng)


def _picture(rng: np.random.Generator) -> Contents:
    scene = random_scene(rng, SIDE, MOST_SHAPES)
    listed = [[f"{shape.colour} {shape.form}" for shape in scene.shapes if shape.row == row] for row in range(3)]
    answer = "; ".join(f"{name}: {', '.join(shapes) or 'nothing'}" for name, shapes in zip(ROWS, listed, strict=True))
    shapes = frozenset(name for row in listed for name in row)
    return Contents("pictures", Image(draw_scene(scene)), ROW_BY_ROW, answer, shapes)


def _clip(rng: np.random.Generator, number: int) -> Contents:
    drawn = KINDS[number % len(KINDS)](rng, random_size(rng, 126))
    film = Video(encode(drawn.clip, FILE_FPS, "mp4"), SAMPLING)
    return Contents("clips", film, in_a_sentence(drawn.question).text, drawn.question.spoken)
