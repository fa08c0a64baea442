"""Generated images with questions that a rule can check, and questions without an image, endless."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from demiglace.conversation import Conversation, Part
from demiglace.data.source import EndlessSource
from demiglace.fields import WEIGHT, Field, ListOf, Real, TableOf, Whole, Words, check_attributes
from demiglace.scoring.answer_filter import teaches_reasoning
from demiglace.scoring.question import Question, dialogue
from demiglace.synthesis.questions.topics import (
    LARGEST_SIDE,
    MOST_TURNS,
    SIMPLE_TOPICS,
    SMALLEST_SIDE,
    TEXT,
    TOPICS,
    draw_question,
)

MOST_DRAWS = 200  # limit on draws for a question of a wanted kind


@dataclass(frozen=True)
class GeneratedQuestions(EndlessSource):
    """Questions about a scene, its colours, a chart, receipt, form or document, or only about words and numbers.

    topics: from `TOPICS` and `SIMPLE_TOPICS`, each with its weight; all of `TOPICS` if none are named.
    kinds: of questions, such as "scene_colour"; all kinds of the topics if none are named.
    smallest, largest: approximate bounds of the pictures' side, in pixels; `SIMPLE_TOPICS` have sizes of their own.
    long_share: share of samples whose last answer has reasoning. spoken_share: of answers in a sentence.
    text_share: of questions without a picture (paper, section on SFT: 10 % text only).
    turns_share: of samples that ask 2 to `most_turns` questions, one after the other.
    """

    name: str
    topics: Mapping[str, float] = field(default_factory=lambda: dict.fromkeys(TOPICS, 1.0), hash=False)
    kinds: Sequence[str] = field(default=(), hash=False)
    smallest: int = SMALLEST_SIDE
    largest: int = LARGEST_SIDE
    long_share: float = 0.3  # ours
    spoken_share: float = 0.3  # ours
    text_share: float = 0.1
    turns_share: float = 0.2  # ours
    most_turns: int = MOST_TURNS

    def __post_init__(self) -> None:
        """Raises ValueError on values outside `OPTIONS`, topics without any weight, and `smallest` above `largest`."""
        check_attributes(self, OPTIONS)
        if not any(self.topics.values()):
            raise ValueError(f"topics must not all have the weight 0, got {dict(self.topics)}")
        if self.smallest > self.largest:
            raise ValueError(f"smallest must be at most largest, got {self.smallest} and {self.largest}")

    def read(self, block: int, row: int, seed: tuple[int, ...]) -> Conversation:
        """If fonts or prose are missing, raises ValueError that names the extra to install."""
        rng = np.random.default_rng((*seed, block, row))
        parts, question, others = self._draw(rng)
        questions = (
            [question, *_follow_ups(rng, others, self.most_turns)] if rng.random() < self.turns_share else [question]
        )
        long = bool(rng.random() < self.long_share) and teaches_reasoning(questions[-1])
        return dialogue(questions, parts, long, [bool(rng.random() < self.spoken_share) for _ in questions])

    def ask(self, block: int, row: int, seed: tuple[int, ...]) -> tuple[Sequence[Part], Question]:
        """The media and the question without an answer, for scoring a model's answer; errors as in `read`."""
        parts, question, _ = self._draw(np.random.default_rng((*seed, block, row)))
        return parts, question

    def where(self, block: int, row: int) -> str:
        return f"{self.name}, question {row}"

    def _draw(self, rng: np.random.Generator) -> tuple[tuple[Part, ...], Question, list[Question]]:
        """The parts to show, a question of a wanted kind about them, and others that may follow."""
        for _ in range(MOST_DRAWS):
            drawn = draw_question(rng, self._topic(rng), int(rng.integers(self.smallest, self.largest + 1)))
            if not self.kinds or drawn[1].kind in self.kinds:
                return drawn
        raise ValueError(f"{self.name}: of {MOST_DRAWS} questions none is of the kinds {', '.join(self.kinds)}")

    def _topic(self, rng: np.random.Generator) -> str:
        weights = np.array(list(self.topics.values()), float)
        topic = list(self.topics)[int(rng.choice(len(weights), p=weights / weights.sum()))]
        return TEXT if rng.random() < self.text_share else topic


def _follow_ups(rng: np.random.Generator, others: list[Question], most_turns: int) -> list[Question]:
    """One or more of the others, in random order; none if there are none."""
    return [others[number] for number in rng.permutation(len(others))[: rng.integers(1, most_turns)]]


SIDE = Whole(100, 2000)  # pixels
OPTIONS: Mapping[str, Field] = {
    "topics": TableOf(WEIGHT, (*TOPICS, *SIMPLE_TOPICS)),
    "kinds": ListOf(Words()),
    "smallest": SIDE,
    "largest": SIDE,
    "most_turns": Whole(2, 12),
    **dict.fromkeys(("long_share", "spoken_share", "text_share", "turns_share"), Real(0, 1)),
}
