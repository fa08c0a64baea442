"""The base class of constraints, and bounds on counts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from demiglace.fields import Field, Whole

MOST = 10**6  # of anything that is counted (ours)
BOUND = Whole(0, MOST)
BOUND_FIELDS: Mapping[str, Field] = dict.fromkeys(("exactly", "at_least", "at_most"), BOUND)


class Constraint(ABC):
    """A condition that a text meets or does not meet."""

    @abstractmethod
    def is_met_by(self, text: str) -> bool:
        """text: an answer without reasoning; not blank."""

    @property
    @abstractmethod
    def in_words(self) -> str:
        """Such as "at least 3 words"."""

    @property
    @abstractmethod
    def record(self) -> dict[str, Any]:
        """The input of `read_constraint`, for JSON: `kind` and its other fields."""


@dataclass(frozen=True)
class Bounds:
    """From `least` to `most`, inclusive; `most` None means no limit. ValueError if no or every number is allowed."""

    least: int = 0
    most: int | None = None

    def __post_init__(self) -> None:
        if self.most is not None and self.least > self.most:
            raise ValueError(f"at least {self.least} and at most {self.most} contradict each other")
        if self.least == 0 and self.most is None:
            raise ValueError("at least 0 is true of every answer: set `exactly`, `at_least` or `at_most`")

    @classmethod
    def exactly(cls, number: int) -> Bounds:
        return cls(number, number)

    @classmethod
    def read(cls, fields: Mapping[str, Any]) -> Bounds:
        """Bounds from `exactly`, or from `at_least` and `at_most`."""
        given = [name for name in BOUND_FIELDS if name in fields]
        if "exactly" in given and len(given) > 1:
            raise ValueError(f"`exactly` cannot be combined with `{given[1]}`")
        if "exactly" in given:
            return cls.exactly(fields["exactly"])
        return cls(fields.get("at_least", 0), fields.get("at_most"))

    def hold(self, number: int) -> bool:
        return self.least <= number and (self.most is None or number <= self.most)

    def are_apart_from(self, other: Bounds) -> bool:
        """Whether no number satisfies both."""
        return any(low.most is not None and low.most < high.least for low, high in ((self, other), (other, self)))

    @property
    def record(self) -> dict[str, int]:
        if self.least == self.most:
            return {"exactly": self.least}
        least = {"at_least": self.least} if self.least else {}
        return least if self.most is None else least | {"at_most": self.most}

    def of(self, noun: str) -> str:
        """Such as "at most 3 words" for the noun "word"."""
        return f"{self._in_words} {noun if (self.most or self.least) == 1 else f'{noun}s'}"

    @property
    def _in_words(self) -> str:
        if self.least == self.most:
            return f"exactly {self.least}"
        if self.most is None:
            return f"at least {self.least}"
        return f"{self.least} to {self.most}" if self.least else f"at most {self.most}"


class CountConstraint(Constraint):
    """A constraint on a count."""

    bounds: Bounds
