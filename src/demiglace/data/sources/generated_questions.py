"""Pictures of known contents with questions that a rule can check, and questions without a picture, without end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL.Image import Image as Picture

from demiglace.conversation import Conversation, Image, Part
from demiglace.fields import WEIGHT, Field, Real, TableOf, Whole, Words, check_attributes
from demiglace.scoring.answer_filter import teaches_reasoning
from demiglace.scoring.question import Question, dialogue
from demiglace.synthesis.questions.chart_drawing import draw_chart
from demiglace.synthesis.questions.charts import ask_chart, random_chart
from demiglace.synthesis.questions.documents import random_document
from demiglace.synthesis.questions.receipts_forms import random_form, random_receipt
from demiglace.synthesis.questions.scenes import ask_colours, ask_scene, draw_scene, random_scene
from demiglace.synthesis.questions.text_only import random_text_question

SMALLEST_SIDE, LARGEST_SIDE = 140, 280  # pixels; ours, for a slice of the nano model
TEXT = "text"  # the topic without a picture
ASKED_ONCE = ("forms",)  # topics whose questions give away each other's answers
MOST_TURNS = 3
EXAMINATION = 0x51756573  # no seed of a training run begins with it


def examination(topic: str, number: int, seed: int = 0, side: int = SMALLEST_SIDE) -> tuple[tuple[Part, ...], Question]:
    """Question `number` of an examination: what is shown, and what is asked.

    topic: one of `TOPICS`, or `TEXT`. Raises ValueError on any other, and as `GeneratedQuestions.read` does.
    """
    known = [*TOPICS, TEXT]
    Words(tuple(known)).check("topic", topic)
    parts, question, _ = _ask(np.random.default_rng((EXAMINATION, seed, known.index(topic), number)), topic, side)
    return parts, question


@dataclass(frozen=True)
class GeneratedQuestions:
    """Questions about a scene, its colours, a chart, receipt, slip, form or document, or about words and numbers alone.

    topics: of those in `TOPICS`, each with its weight. smallest, largest: about the side of pictures, in pixels.
    long_share: of samples whose last answer reasons first. spoken_share: of answers in a sentence.
    text_share: of questions without a picture (paper, section on SFT: 10 % text only).
    turns_share: of samples that ask 2 or `MOST_TURNS` questions, one after the other.
    """

    name: str
    topics: Mapping[str, float] = field(default_factory=lambda: dict.fromkeys(TOPICS, 1.0), hash=False)
    smallest: int = SMALLEST_SIDE
    largest: int = LARGEST_SIDE
    long_share: float = 0.3  # ours
    spoken_share: float = 0.3  # ours
    text_share: float = 0.1
    turns_share: float = 0.2  # ours

    def __post_init__(self) -> None:
        """Raises ValueError on what `OPTIONS` do not take, topics without any weight, and sides in the wrong order."""
        check_attributes(self, OPTIONS)
        if not any(self.topics.values()):
            raise ValueError(f"topics must not all have the weight 0, got {dict(self.topics)}")
        if self.smallest > self.largest:
            raise ValueError(f"smallest must be at most largest, got {self.smallest} and {self.largest}")

    @property
    def blocks(self) -> None:
        return None

    @property
    def files(self) -> tuple[Path, ...]:
        return ()

    @property
    def names_files(self) -> bool:
        return False

    def read(self, block: int, row: int, seed: tuple[int, ...]) -> Conversation:
        """Raises ValueError that names the Debian packages to install where fonts or prose are missing."""
        rng = np.random.default_rng((*seed, block, row))
        weights = np.array(list(self.topics.values()), float)
        topic = list(self.topics)[int(rng.choice(len(weights), p=weights / weights.sum()))]
        topic = TEXT if rng.random() < self.text_share else topic
        parts, question, others = _ask(rng, topic, int(rng.integers(self.smallest, self.largest + 1)))
        questions = [question, *_follow_ups(rng, others)] if rng.random() < self.turns_share else [question]
        long = bool(rng.random() < self.long_share) and teaches_reasoning(questions[-1])
        return dialogue(questions, parts, long, [bool(rng.random() < self.spoken_share) for _ in questions])

    def where(self, block: int, row: int) -> str:
        return f"{self.name}, question {row}"


def _ask(rng: np.random.Generator, topic: str, side: int) -> tuple[tuple[Part, ...], Question, list[Question]]:
    """What is shown, a question about it, and others that may follow."""
    if topic == TEXT:
        question, *others = (random_text_question(rng) for _ in range(MOST_TURNS))
        return (), question, others
    picture, others = TOPICS[topic](rng, side)
    question = others.pop(int(rng.integers(len(others))))
    return (Image(picture),), question, [] if topic in ASKED_ONCE else others


def _follow_ups(rng: np.random.Generator, others: list[Question]) -> list[Question]:
    """One or more of them, in random order; none where there are none."""
    return [others[number] for number in rng.permutation(len(others))[: rng.integers(1, MOST_TURNS)]]


def _scene(rng: np.random.Generator, side: int) -> tuple[Picture, list[Question]]:
    scene = random_scene(rng, side)
    return draw_scene(scene), ask_scene(rng, scene)


def _colours(rng: np.random.Generator, side: int) -> tuple[Picture, list[Question]]:
    """Of one shape or two: a beginner learns what red is from one red circle, not from seven shapes at once."""
    scene = random_scene(rng, side, most_shapes=2)
    return draw_scene(scene), ask_colours(rng, scene)


def _chart(rng: np.random.Generator, side: int) -> tuple[Picture, list[Question]]:
    chart = random_chart(rng)
    return draw_chart(rng, chart, side), ask_chart(rng, chart)


def _slip(rng: np.random.Generator, side: int) -> tuple[Picture, list[Question]]:
    """A receipt as short as a slice of the nano model can hold."""
    return random_receipt(rng, side, short=True)


TOPICS: dict[str, Callable[[np.random.Generator, int], tuple[Picture, list[Question]]]] = {
    "scenes": _scene,
    "colours": _colours,
    "charts": _chart,
    "receipts": random_receipt,
    "forms": random_form,
    "documents": random_document,
    "slips": _slip,
}
SIDE = Whole(100, 2000)  # pixels
OPTIONS: Mapping[str, Field] = {
    "topics": TableOf(WEIGHT, tuple(TOPICS)),
    "smallest": SIDE,
    "largest": SIDE,
    **dict.fromkeys(("long_share", "spoken_share", "text_share", "turns_share"), Real(0, 1)),
}
