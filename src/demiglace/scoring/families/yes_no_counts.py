"""Scores of sets of yes-or-no questions about whether something is present, such as POPE."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from demiglace.scoring.verdict import Verdict


@dataclass(frozen=True)
class YesNoCounts:
    """Counts of questions by right answer and given answer; unreadable answers separately, by right answer."""

    yes_for_yes: int
    no_for_yes: int
    yes_for_no: int
    no_for_no: int
    unreadable_for_yes: int
    unreadable_for_no: int

    @property
    def asked(self) -> int:
        return self._wanting_yes + self.yes_for_no + self.no_for_no + self.unreadable_for_no

    @property
    def _wanting_yes(self) -> int:
        return self.yes_for_yes + self.no_for_yes + self.unreadable_for_yes

    @property
    def accuracy(self) -> float:
        """Share of right answers among all questions; unreadable ones are wrong. 0 without questions."""
        return _share(self.yes_for_yes + self.no_for_no, self.asked)

    @property
    def precision(self) -> float:
        """Share of right answers among those that say yes."""
        return _share(self.yes_for_yes, self.yes_for_yes + self.yes_for_no)

    @property
    def recall(self) -> float:
        """Share of questions answered with yes among those where it is right; kits leave out unreadable ones."""
        return _share(self.yes_for_yes, self._wanting_yes)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return _share(2 * self.precision * self.recall, self.precision + self.recall)

    @property
    def yes_ratio(self) -> float:
        """Share of answers that say yes among all questions."""
        return _share(self.yes_for_yes + self.yes_for_no, self.asked)


def count_yes_no(answers: Iterable[tuple[str, Verdict]]) -> YesNoCounts:
    """answers: the right word of each question, yes or no in any case, and the verdict on its answer."""
    known = [(word.strip().casefold(), verdict) for word, verdict in answers]

    def count(word: str, score: float | None) -> int:
        return sum(wanted == word and verdict.score == score for wanted, verdict in known)

    return YesNoCounts(
        yes_for_yes=count("yes", 1),
        no_for_yes=count("yes", 0),
        yes_for_no=count("no", 0),
        no_for_no=count("no", 1),
        unreadable_for_yes=count("yes", None),
        unreadable_for_no=count("no", None),
    )


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
