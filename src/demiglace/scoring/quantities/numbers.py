"""All figures in a text, in digits or in words: numbers with their units, times, dates and codes.

A run of letters, digits and signs is one figure or none: "3.5", "$35.25", "12:30:15", "A5" and "10-5" contain no 5.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal

from demiglace.scoring.quantities import units
from demiglace.scoring.quantities.dates import Clock, Day, clock, numeric_day
from demiglace.scoring.quantities.exact import Exact, exact
from demiglace.scoring.quantities.number_words import number_in_words

NumberKind = Literal["number", "range", "time", "day", "code"]

_RUN = re.compile(r"""(?:[^\s=()\[\]{}"<>|;:≤≥]|(?<=\d):(?=\d))+""")
_EDGES = "*_`'~≈!?,"
_NUMBER = re.compile(
    r"([-+]?)((?:Rs|Fr|No|Nr)\.|[^\d\s.,+-]{0,7})([-+]?)(\.?\d[\d.,']*(?:[eE][-+]?\d{1,9})?)([^\d\s]{0,12}\d?)",
    re.IGNORECASE,
)
_FRACTION = re.compile(r"([-+]?)(\d{1,50})/(\d{1,50})([^\d\s/]{0,12})")
_RANGE = re.compile(r"(\d[\d.,]*)-(\d[\d.,]*)([^\d\s]{0,12})")
_SIGNED_MONEY = re.compile(r"([-+]?)(\D{1,4})")
_YEAR = re.compile(r"[12]\d{3}")
_NUMBERING = re.compile(r"#|no\.|nr\.|№", re.IGNORECASE)
_ORDINAL = ("st", "nd", "rd", "th")
_BELOW_OR_ABOVE = re.compile(
    r"(?:\b(?:more|less|fewer|greater|larger|smaller|higher|lower) than|\bat (?:least|most)|\bup to|\bover|\bunder"
    r"|\babove|\bbelow|\bnearly|\balmost|[<>≤≥])\s*$",
    re.IGNORECASE,
)
_OR_MORE = re.compile(
    r"\s*(?:or|and) (?:more|less|fewer|greater|higher|lower|above|below|over|under)\b"
    r"|\+(?!\d)|\s*and (?:a|one|three) (?:half|quarters?|thirds?)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class NumberInText:
    """A figure from `start` to `end` of a text.

    value: a number, both ends of a range, a time or a day; None for a code, and for "more than 5".
    text: as written, in lower case, without surrounding punctuation.
    meanings: those of its unit, currency or per cent sign; empty without one.
    is_fraction: written as 3/4. is_word: written in words.
    """

    start: int
    end: int
    kind: NumberKind
    value: Exact | tuple[Exact, Exact] | Clock | Day | None
    text: str
    meanings: frozenset[str] = frozenset()
    is_fraction: bool = False
    is_word: bool = False

    def equals(self, other: NumberInText) -> bool:
        """Whether `other` equals this figure, the reference.

        A unit of the reference must be given; other units may be. A fraction never equals a whole number, even if its
        value does.
        """
        if self.kind == "code" or other.kind == "code":
            return self.text == other.text
        if self.kind != other.kind or self.value is None or (self.meanings and not self.meanings & other.meanings):
            return False
        if isinstance(self.value, Day):
            return isinstance(other.value, Day) and self.value.same_as(other.value)
        worked_out = other.is_fraction and not self.is_fraction and getattr(self.value, "denominator", 2) == 1
        return self.value == other.value and not worked_out


def figures(text: str) -> list[NumberInText]:
    """All figures in order. `text` is normalised by `notation.without_markup` and `spread_numbers.spread_out`."""
    runs = [(found.start(), found.end(), found.group()) for found in _RUN.finditer(text)]
    found: list[NumberInText] = []
    number = 0
    while number < len(runs):
        taken, figure = _figure(text, runs, number)
        if figure and found and _is_mixed(found[-1], figure):
            whole = found.pop()
            assert isinstance(whole.value, Fraction)
            assert isinstance(figure.value, Fraction)
            value = whole.value - figure.value if whole.value < 0 else whole.value + figure.value
            figure = replace(figure, start=whole.start, value=value)
        if figure:
            found.append(figure)
        number += taken
    return found


def _figure(text: str, runs: list[tuple[int, int, str]], number: int) -> tuple[int, NumberInText | None]:
    """How many runs belong to the figure that begins with this one, and the figure, if there is one."""
    start, _, run = runs[number]
    figure: NumberInText | None
    before, behind = [run for _, _, run in runs[max(0, number - 1) : number]], runs[number + 1 : number + 5]
    if any(letter.isdigit() for letter in run):
        figure, taken = _from_digits(start, run, before[-1] if before else "", behind)
    else:
        figure, taken = _from_words(start, runs[number : number + 20])
    if figure is None:
        return 1, None
    end = runs[number + taken - 1][1]
    nearby = text[max(0, figure.start - 20) : figure.start]
    if figure.kind == "number" and (_BELOW_OR_ABOVE.search(nearby) or _OR_MORE.match(text, end)):
        figure = replace(figure, value=None)
    return taken, replace(figure, end=end)


def _from_digits(start: int, run: str, before: str, behind: Sequence[tuple[int, int, str]]) -> tuple[NumberInText, int]:
    """The figure of a run with a digit, which may take a currency from the run before and a unit from the next ones."""
    written = _stripped(run)
    figure = _compact(start, written)
    if figure.kind in ("number", "range"):
        figure = _with_words_before(figure, before)
        return _with_words_behind(figure, run, [word for _, _, word in behind])
    if (
        figure.kind == "time"
        and behind
        and not run.endswith((",", "."))
        and (half := clock(f"{written} {behind[0][2].rstrip(',.!?')}"))
    ):
        return replace(figure, value=half), 2
    return figure, 1


def _stripped(run: str) -> str:
    """A run without punctuation at its ends; the point of ".5" is kept, that of "5." is removed."""
    run = run.strip(_EDGES).rstrip(".")
    return run.strip(_EDGES).lstrip(".") if run.startswith("..") else run.strip(_EDGES)


def _compact(start: int, written: str) -> NumberInText:
    """The figure of one run; its end is set later."""
    text = written.casefold()
    if time := clock(written):
        return NumberInText(start, start, "time", time, text)
    if day := numeric_day(written):
        return NumberInText(start, start, "day", day, text)
    return (
        _range(start, written)
        or _fraction(start, written)
        or _number(start, written)
        or NumberInText(start, start, "code", None, text)
    )


def _range(start: int, written: str) -> NumberInText | None:
    if not (found := _RANGE.fullmatch(written)):
        return None
    low, high, meanings = exact(found[1]), exact(found[2]), _suffix(found[3])
    plain = all(not (end.startswith("0") and end.isdigit() and len(end) > 1) for end in found.groups()[:2])
    if not plain or meanings is None or not isinstance(low, Fraction) or not isinstance(high, Fraction) or low >= high:
        return None
    return NumberInText(start, start, "range", (low, high), written.casefold(), meanings)


def _fraction(start: int, written: str) -> NumberInText | None:
    found = _FRACTION.fullmatch(written)
    if not found or not int(found[3]) or (meanings := _suffix(found[4])) is None:
        return None
    value = Fraction(int(found[2]), int(found[3]))
    return NumberInText(
        start, start, "number", -value if found[1] == "-" else value, written.casefold(), meanings, True
    )


def _number(start: int, written: str) -> NumberInText | None:
    """A number with at most one sign, a currency or "#" before it, and a unit or currency after it."""
    found = _NUMBER.fullmatch(written)
    if not found or (found[1] and found[3]):
        return None
    sign, money, inner_sign, digits, behind = found.groups()
    before = frozenset[str]() if not money or _NUMBERING.fullmatch(money) else units.currency(money.rstrip("."))
    if money and not before and not _NUMBERING.fullmatch(money):
        return None
    factor = units.MONEY_SCALES.get(behind.casefold(), 1) if before else 1
    after = frozenset[str]() if factor > 1 or behind == "+" else _suffix(behind)
    if after is None or (before and after and not before & after) or (behind == "s" and _YEAR.fullmatch(digits)):
        return None
    value = exact(f"{sign or inner_sign}{digits}")
    if value is None:
        return None
    value = None if behind == "+" else _scaled(value, factor)
    return NumberInText(start, start, "number", value, written.casefold(), before | after)


def _suffix(written: str) -> frozenset[str] | None:
    """Meanings of the text directly after a number; None if it is no unit."""
    if not written:
        return frozenset()
    if written.casefold() in _ORDINAL:
        return frozenset({units.ORDINAL})
    return units.unit(written) or None


def _with_words_before(figure: NumberInText, before: str) -> NumberInText:
    """ "minus" and "RM" and "-$" before the number are part of it."""
    word = before.strip("*_`'~≈!?")
    if word.casefold() in ("minus", "negative"):
        return _negative(figure)
    money = _SIGNED_MONEY.fullmatch(word)
    if figure.kind == "number" and not figure.meanings and money and (meanings := units.currency(money[2])):
        figure = replace(figure, meanings=meanings)
        return _negative(figure) if money[1] == "-" else figure
    return figure


def _with_words_behind(figure: NumberInText, run: str, words: list[str]) -> tuple[NumberInText, int]:
    """ "million", then "per cent", "cm" or "USD" after the number are part of it; also returns the runs taken."""
    taken = 1
    if run.endswith((",", ".", "!", "?")):
        return figure, taken
    if words and (factor := units.SCALES.get(_bare(words[0]).casefold())) and isinstance(figure.value, Fraction):
        figure, taken = replace(figure, value=figure.value * factor), 2
        if words[0] != _bare(words[0]):
            return figure, taken
        words = words[1:]
    if figure.kind == "number" and words and (half := clock(f"{figure.text} {_bare(words[0])}")):
        return replace(figure, kind="time", value=half), taken + 1
    for count in range(min(units.MOST_WORDS, len(words)), 0, -1):
        meanings = units.unit(_bare(" ".join(words[:count])))
        if meanings and not figure.meanings:
            return replace(figure, meanings=meanings), taken + count
        if units.is_money(meanings) and units.is_money(figure.meanings):  # "$35 EUR" is neither
            return replace(figure, value=figure.value if meanings & figure.meanings else None), taken + count
    return figure, taken


def _bare(words: str) -> str:
    return words.rstrip(".,!?*_`'")


def _from_words(start: int, runs: Sequence[tuple[int, int, str]]) -> tuple[NumberInText | None, int]:
    """A number in words, possibly after "minus", and how many runs it takes."""
    first = _bare(runs[0][2]).casefold()
    if first in ("minus", "negative") and len(runs) > 1:
        figure, taken = _from_words(start, runs[1:]) if runs[1][2].isascii() else (None, 0)
        return (_negative(figure), taken + 1) if figure else (None, 1)
    words, owner = [], []
    for place, (_, _, run) in enumerate(runs):
        parts = _bare(run).casefold().split("-")
        words += parts
        owner += [place] * len(parts)
        if run != _bare(run):
            break
    number = number_in_words(words)
    if number is None:
        return None, 1
    value, length = number
    taken = owner[length - 1] + 1
    if length < len(owner) and owner[length] == owner[length - 1]:  # "two-sided", "one-to-one"
        return None, 1
    figure = NumberInText(start, start, "number", Fraction(value), " ".join(words[:length]), is_word=True)
    figure, more = _with_words_behind(figure, runs[taken - 1][2], [run for _, _, run in runs[taken : taken + 4]])
    return figure, taken + more - 1


def _negative(figure: NumberInText) -> NumberInText:
    if isinstance(figure.value, Fraction):
        return replace(figure, value=-figure.value)
    return replace(figure, value=None)


def _scaled(value: Exact | None, factor: int) -> Exact | None:
    return value * factor if isinstance(value, Fraction) else value if factor == 1 else None


def _is_mixed(whole: NumberInText, part: NumberInText) -> bool:
    """Whether they form a mixed number such as 2 1/2."""
    return (
        whole.kind == part.kind == "number"
        and part.is_fraction
        and not whole.is_fraction
        and not whole.meanings
        and isinstance(whole.value, Fraction)
        and isinstance(part.value, Fraction)
        and whole.value.denominator == 1
        and 0 < part.value < 1
        and part.start - whole.end == 1
        and whole.text.lstrip("-").isdigit()
    )
