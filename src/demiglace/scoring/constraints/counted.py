"""Constraints that count: words, sentences and other units, a letter, a keyword, items of a list."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from demiglace.scoring.constraints.constraint import Bounds, CountConstraint
from demiglace.scoring.constraints.text_units import IDEOGRAPH, Unit, count, lines, plain, without_item_mark

NEVER_NONE: tuple[Unit, ...] = ("words", "sentences", "lines", "paragraphs", "characters")  # no answer has 0 of them


@dataclass(frozen=True)
class UnitCount(CountConstraint):
    """A number of words, lines or other units (`text_units`)."""

    unit: Unit
    bounds: Bounds

    def __post_init__(self) -> None:
        if self.unit in NEVER_NONE and self.bounds.most == 0:
            raise ValueError(f"no answer has 0 {self.unit}")

    def is_met_by(self, text: str) -> bool:
        return self.bounds.hold(count(self.unit, text))

    @property
    def in_words(self) -> str:
        return self.bounds.of(self.unit.replace("_", " ").removesuffix("s"))

    @property
    def record(self) -> dict[str, Any]:
        return {"kind": self.unit, **self.bounds.record}


@dataclass(frozen=True)
class LetterCount(CountConstraint):
    """A number of occurrences of a letter, ignoring case; é is not e."""

    letter: str
    bounds: Bounds

    def __post_init__(self) -> None:
        if len(self.letter) != 1 or not self.letter.isalpha():
            raise ValueError(f"`letter` must be one letter, got {self.letter!r}")

    def is_met_by(self, text: str) -> bool:
        return self.bounds.hold(plain(text).lower().count(self.letter.lower()))

    @property
    def in_words(self) -> str:
        return f'the letter "{self.letter}" {self.bounds.of("time")}'

    @property
    def record(self) -> dict[str, Any]:
        return {"kind": "letter", "letter": self.letter, **self.bounds.record}


@dataclass(frozen=True)
class KeywordCount(CountConstraint):
    """A number of occurrences of a word or phrase, as whole words, ignoring case."""

    keyword: str
    bounds: Bounds

    def is_met_by(self, text: str) -> bool:
        return self.bounds.hold(len(occurrences(self.keyword, text)))

    @property
    def in_words(self) -> str:
        return f'"{self.keyword}" {self.bounds.of("time")}'

    @property
    def record(self) -> dict[str, Any]:
        return {"kind": "keyword", "keyword": self.keyword, **self.bounds.record}


@dataclass(frozen=True)
class ItemCount(CountConstraint):
    """A number of items between separators and nothing else, all different.

    separator: such as ", " or a line break. Spaces around items, blank lines, list markers and a final full stop are
        ignored.
    among: allowed items, ignoring case; empty allows anything.
    """

    separator: str
    bounds: Bounds
    among: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.bounds.most == 0:
            raise ValueError("no answer has 0 items")
        if self.among and self.bounds.least > len(set(map(str.casefold, self.among))):
            raise ValueError(f"at least {self.bounds.least} different items, but `among` has {len(self.among)}")

    def is_met_by(self, text: str) -> bool:
        listing = text.strip().removesuffix(".")
        pieces = lines(listing) if self.separator == "\n" else listing.split(self.separator.strip(" ") or " ")
        items = [" ".join(without_item_mark(piece.strip()).split()).casefold() for piece in pieces]
        known = {item.casefold() for item in self.among}
        is_known = all(items) and (not known or known.issuperset(items))
        return is_known and len(set(items)) == len(items) and self.bounds.hold(len(items))

    @property
    def in_words(self) -> str:
        if self.among and self.bounds == Bounds.exactly(1):
            return f"one of {', '.join(self.among)}"
        layout = "one a line" if self.separator == "\n" else f'separated by "{self.separator}"'
        among = f" of {', '.join(self.among)}" if self.among else ""
        return f"{self.bounds.of('different item')}{among}, {layout}"

    @property
    def record(self) -> dict[str, Any]:
        among = {"among": list(self.among)} if self.among else {}
        return {"kind": "items", "separator": self.separator, **self.bounds.record, **among}


def occurrences(phrase: str, text: str) -> list[tuple[int, int]]:
    """Start and end of each occurrence of a word or phrase in `plain(text)`, ignoring case, not inside a longer word.

    Ideographs are written without spaces, so a word also ends next to one.
    """
    looked_for = r"\s+".join(map(re.escape, plain(phrase).split()))
    found = re.finditer(rf"(?<![^\W{IDEOGRAPH}]){looked_for}(?![^\W{IDEOGRAPH}])", plain(text), re.IGNORECASE)
    return [match.span() for match in found]
