"""The type of a reference, which decides how a response is compared with it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from typing import Literal

from demiglace.scoring.mathematics import is_mathematics
from demiglace.scoring.phrasing.choices import letter_of, yes_or_no
from demiglace.scoring.phrasing.lists import is_list
from demiglace.scoring.phrasing.notation import without_markup
from demiglace.scoring.quantities import units
from demiglace.scoring.quantities.dates import Day, named_days
from demiglace.scoring.quantities.numbers import NumberInText, figures
from demiglace.scoring.quantities.spread_numbers import spread_out

AnswerType = Literal[
    "yes or no",
    "letter",
    "integer",
    "decimal",
    "fraction",
    "money",
    "per cent",
    "measure",
    "range",
    "time",
    "date",
    "identifier",
    "mathematics",
    "list",
    "choice",
    "phrase",
]

_LEADING_ZEROS = re.compile(r"0\d+")
_IN_BRACKETS = re.compile(r"\(.*\)")


def answer_type(reference: str, choices: Sequence[str] = ()) -> AnswerType:
    """choices: all possible answers to choose from; they matter if the reference consists of words."""
    if yes_or_no(reference):
        return "yes or no"
    if letter_of(reference, choices):
        return "letter"
    if only_day(reference):
        return "date"
    if is_in_brackets(reference) and not is_list(reference):
        return "identifier"
    figure = only_figure(reference)
    if figure and (figure.kind != "code" or not (is_mathematics(reference) or is_list(reference))):
        return _figure_type(figure)
    if choices:
        return "choice"
    if is_mathematics(reference):
        return "mathematics"
    return "list" if is_list(without_markup(reference)) else "phrase"


def only_figure(reference: str) -> NumberInText | None:
    """The figure that `reference` consists of; None if it is not a single figure."""
    text = spread_out(without_markup(reference)).strip()
    found = figures(text)
    if len(found) != 1:
        return None
    outside = text[: found[0].start] + text[found[0].end :]
    return found[0] if not outside.strip(" .,!?*\"'$") or _is_sign(outside) else None


def is_in_brackets(reference: str) -> bool:
    """Whether it is a number in round brackets, which some read as a minus sign: only (5) equals (5)."""
    text = without_markup(reference).strip()
    return bool(_IN_BRACKETS.fullmatch(text)) and only_figure(text[1:-1]) is not None


def only_day(reference: str) -> Day | None:
    """The date with a month's name that `reference` consists of; None if it is something else."""
    text = without_markup(reference).strip(" .,")
    days = named_days(text)
    return days[0][2] if len(days) == 1 and days[0][:2] == (0, len(text)) else None


def _is_sign(outside: str) -> bool:
    """Whether the text before a number is its sign or its currency, which belong to its value."""
    words = outside.casefold().split()
    return len(words) == 1 and (words[0] in ("minus", "negative") or bool(units.currency(words[0].strip("+-"))))


def _figure_type(figure: NumberInText) -> AnswerType:
    if figure.kind == "time":
        return "time"
    if figure.kind == "day":
        return "date"
    if figure.kind == "range":
        return "range"
    if figure.kind == "code" or figure.value is None or _LEADING_ZEROS.fullmatch(figure.text):
        return "identifier"
    if units.is_money(figure.meanings):
        return "money"
    if units.PERCENT in figure.meanings:
        return "per cent"
    if figure.meanings:
        return "measure"
    if figure.is_fraction:
        return "fraction"
    return "decimal" if isinstance(figure.value, Fraction) and figure.value.denominator > 1 else "integer"
