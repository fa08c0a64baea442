"""Prompts of several domains in a resumable order, a share of them for long answers.

A domain is a source of a mixture: the project's synthetic data, with typed references, or other records. For records,
the constraints are checked, or the last answer, or what it marks as its final answer, is the reference. The prompt at a
number is a function of the seed only.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from demiglace.conversation import Conversation, Message, Part, Text
from demiglace.data.mixture import Draw, Mixture
from demiglace.engine.sampling import SHORT_SEEDS
from demiglace.processing.chat_template import END_THINK, THINK
from demiglace.records.bad_record import BadRecord
from demiglace.records.constraints import ConstrainedConversation
from demiglace.rl.probability_reward import ScoredBy, scored_by
from demiglace.rl.rollout import MODES, Mode
from demiglace.scoring.phrasing.final_answer import marked_answer
from demiglace.scoring.question import Question

STREAM = 0  # of the mixture's random choices


@runtime_checkable
class Asking(Protocol):
    """A source that generates questions, with more than the text of their answers."""

    def ask(self, block: int, row: int, seed: tuple[int, ...]) -> tuple[Sequence[Part], Question]: ...


@dataclass(frozen=True)
class Prompt:
    """A prompt. number: in the order of the run; messages: up to the user's last."""

    number: int
    domain: str
    mode: Mode
    question: Question
    messages: tuple[Message, ...]

    @property
    def name(self) -> str:
        return f"prompt {self.number} of {self.domain}"

    @property
    def scored_by(self) -> ScoredBy:
        return scored_by(self.question, self.mode)

    def answer_seed(self, run_seed: int, place: int) -> int:
        """Seed of an answer by its place: different in each run, and independent of other prompts."""
        state = np.random.SeedSequence((run_seed, self.number, place)).generate_state(1, np.uint64)
        return int(state[0] >> np.uint64(1)) % SHORT_SEEDS

    def conversation(self, mode: Mode | None = None) -> Conversation:
        """The conversation to answer, in `mode` or its own mode."""
        return Conversation(self.messages, thinking=(mode or self.mode) == "long")


class Prompts:
    """The infinite sequence of prompts of a run.

    long_share: share of prompts for long answers (paper: half), spread evenly; with 0 or 1 there is only one mode.
    """

    def __init__(self, mixture: Mixture, long_share: float, seed: int) -> None:
        if not 0 <= long_share <= 1:
            raise ValueError(f"the share of long answers lies in [0, 1], got {long_share}")
        self.mixture, self.long_share, self.seed = mixture, long_share, seed
        self._drawn = [0] * len(mixture.sources)

    @property
    def domains(self) -> list[str]:
        return [source.name for source in self.mixture.sources]

    def draws(self, start: int, count: int) -> list[Draw]:
        """The records of prompts `start`, `start` + 1, ...; earlier ones are skipped over once."""
        if sum(self._drawn) > start:
            self._drawn = [0] * len(self._drawn)
        while sum(self._drawn) < start:
            self._draw()
        return [self._draw() for _ in range(count)]

    def read(self, number: int, draw: Draw) -> Prompt:
        """Raises BadRecord if the record cannot be used, or has no reference."""
        source, (block, row) = self.mixture.sources[draw.source], self.mixture.place(draw, self.seed)
        seed = self.mixture.content_seed(draw, self.seed)
        if isinstance(source, Asking):
            parts, question = source.ask(block, row, seed)
            messages: tuple[Message, ...] = (Message("user", (*parts, Text(question.text))),)
        else:
            messages, question = _of_record(source.name, source.where(block, row), source.read(block, row, seed))
        return Prompt(number, source.name, self._mode(number), question, messages)

    def by_mode(self, start: int, count: int) -> list[int]:
        """The numbers of so many prompts: those for short answers, then those for long ones from the last to the first.

        Dealt out in this order, each step of a batch gets both modes, and prompts of all processes.
        """
        short, long = ([n for n in range(start, start + count) if self._mode(n) == mode] for mode in MODES)
        return [*short, *reversed(long)]

    def _draw(self) -> Draw:
        source = self.mixture.choose(self.seed, STREAM, sum(self._drawn), decay=0.0)
        self._drawn[source] += 1
        return Draw(source, self._drawn[source] - 1)

    def _mode(self, number: int) -> Mode:
        return "long" if math.floor((number + 1) * self.long_share) > math.floor(number * self.long_share) else "short"


def _of_record(kind: str, where: str, conversation: Conversation) -> tuple[tuple[Message, ...], Question]:
    """The last answer, without reasoning, is the reference, or what it marks as its final answer (`final_answer`).

    Constraints are checked instead, if it has any.
    """
    is_answered = conversation.messages[-1].role == "assistant"
    *asked, answer = conversation.messages if is_answered else (*conversation.messages, Message("assistant", ()))
    reference = _text(answer).rpartition(END_THINK)[2].replace(THINK, "").strip()
    text = _text(asked[-1]).replace(THINK, "").replace(END_THINK, "").strip() or "(shown without a text)"
    if isinstance(conversation, ConstrainedConversation):
        try:
            constraints = conversation.constraints()
        except ValueError as error:
            raise BadRecord(where, str(error)) from error
        reference = reference or "; ".join(constraint.in_words for constraint in constraints)
        return tuple(asked), Question(kind, text, reference, reference, constraints=constraints)
    reference = marked_answer(reference) or reference
    if not reference:
        raise BadRecord(where, "a prompt needs a reference, but the last answer of the record is empty")
    return tuple(asked), Question(kind, text, reference, reference)


def _text(message: Message) -> str:
    return "\n".join(part.text for part in message.content if isinstance(part, Text))
