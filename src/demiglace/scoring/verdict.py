"""The expected answers of a question, and the verdict on a response: input and output of every scorer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Expected:
    """The right answers.

    answers: texts of which each is right; for VQA accuracy, the answers of ten people, with repetitions; for multiple
        choice, the letter in upper case.
    choices: letter -> its text, in order; empty if there are none.
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
    """The score of a response.

    score: from 0 to 1; None if the response is unreadable: no answer was found in it, or several.
    read: the answer that was extracted, such as "B"; "" if none was.
    by_chance: expected score of an unreadable response under rules that then draw an answer at random; else 0.
    """

    score: float | None
    read: str = ""
    by_chance: float = 0.0

    @property
    def counted(self) -> float:
        """The score, or `by_chance` for an unreadable response."""
        return self.by_chance if self.score is None else self.score


UNREADABLE = Verdict(None)

Scorer = Callable[[str, Expected], Verdict]
"""From a response, as the model gave it, and the expected answers to the verdict."""
