"""A number that is right when rounded to the decimals of the reference, as in MathVista's code (its `precision`)."""

from __future__ import annotations

from fractions import Fraction

from demiglace.scoring.families.relaxed_number import best_number
from demiglace.scoring.quantities.numbers import NumberInText
from demiglace.scoring.verdict import Expected, Verdict


def score_rounded_number(response: str, expected: Expected) -> Verdict:
    """1 or 0, the best over the answers; unreadable without an answer, or without one number."""
    return best_number(response, expected, _rounds_to)


def _rounds_to(wanted: NumberInText, given: NumberInText) -> bool:
    """By Python's `round` of floating-point numbers, as in the authors' code: 2.675 becomes 2.67."""
    if not isinstance(wanted.value, Fraction) or not isinstance(given.value, Fraction):
        return False
    decimals = len(wanted.text.partition(".")[2])
    return decimals > 0 and round(float(given.value), decimals) == float(wanted.value)
