"""What a question wants, and the verdict on a response: what every scorer of a benchmark takes and returns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Expected:
    """What counts as right.

    answers: texts of which each is right; for VQA accuracy what each of ten people said, the same one as often as it
        was said; of multiple choice the letter, in capitals.
    choices: letter -> its text, in order; empty where there is nothing to choose from.
    """

    answers: tuple[str, ...]
    choices: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.answers:
            raise ValueError("0 answers count as right; there must be at least 1")
        if self.choices and not set(self.answers) <= self.choices.keys():
            raise ValueError(f"the answer is {self.answers[0]!r}, but the choices are {', '.join(self.choices)}")


@dataclass(frozen=True)
class Verdict:
    """How right a response is.

    score: from 0 to 1; None where the response is unreadable: no answer was found in it, or several.
    read: what was taken for the answer, such as "B"; "" where that is nothing.
    by_chance: what a rule that draws an answer for an unreadable response gives it on average; 0 for all others.
    """

    score: float | None
    read: str = ""
    by_chance: float = 0.0

    @property
    def counted(self) -> float:
        """The score, and for an unreadable response what the rule makes of it."""
        return self.by_chance if self.score is None else self.score


UNREADABLE = Verdict(None)

Scorer = Callable[[str, Expected], Verdict]
"""A response, as the model gave it, and what counts as right -> the verdict."""
