"""Generated text-only instructions whose fulfilment a rule can check, endless."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from demiglace.conversation import Conversation, Part
from demiglace.data.source import EndlessSource
from demiglace.fields import Field, ListOf, Real, Whole, Words, check_attributes
from demiglace.scoring.answer_filter import teaches_reasoning
from demiglace.scoring.question import Question, conversation
from demiglace.synthesis.questions.instructions import INSTRUCTION_KINDS, MOST_EXTRAS, random_instruction
from demiglace.typography.words import pick


@dataclass(frozen=True)
class GeneratedInstructions(EndlessSource):
    """Instructions with an answer that follows them.

    kinds: of `INSTRUCTION_KINDS`, all equally likely; all kinds if none are named.
    most_extras: limit on constraints beside those of the kind.
    long_share: share of the samples returned by `read` whose answer has reasoning.
    """

    name: str
    kinds: Sequence[str] = field(default=tuple(INSTRUCTION_KINDS), hash=False)
    most_extras: int = MOST_EXTRAS
    long_share: float = 0.3  # ours

    def __post_init__(self) -> None:
        """Raises ValueError on values outside `OPTIONS`."""
        check_attributes(self, OPTIONS)

    def read(self, block: int, row: int, seed: tuple[int, ...]) -> Conversation:
        rng = np.random.default_rng((*seed, block, row))
        question = self._draw(rng)
        return conversation(question, (), bool(rng.random() < self.long_share) and teaches_reasoning(question))

    def ask(self, block: int, row: int, seed: tuple[int, ...]) -> tuple[Sequence[Part], Question]:
        """The instruction without an answer, for scoring a model's answer."""
        return (), self._draw(np.random.default_rng((*seed, block, row)))

    def where(self, block: int, row: int) -> str:
        return f"{self.name}, instruction {row}"

    def _draw(self, rng: np.random.Generator) -> Question:
        return random_instruction(rng, pick(rng, self.kinds), self.most_extras)


OPTIONS: Mapping[str, Field] = {
    "kinds": ListOf(Words(tuple(INSTRUCTION_KINDS)), least=1),
    "most_extras": Whole(0, 4),
    "long_share": Real(0, 1),
}
