"""Relaxed accuracy (ChartQA, section 5.1): a number may be off by 5 %, everything else must be right.

Years have no tolerance: 1950 is wrong for 2009, although it is within 5 %. A unit, currency or per cent sign of the
reference must be in the answer, as everywhere (`answer_match`).
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from demiglace.scoring.answer_match import is_right
from demiglace.scoring.answer_type import only_figure
from demiglace.scoring.families.response import only_answer
from demiglace.scoring.phrasing.mentions import Mention, agrees
from demiglace.scoring.phrasing.notation import without_markup
from demiglace.scoring.quantities.numbers import NumberInText, figures
from demiglace.scoring.quantities.spread_numbers import spread_out
from demiglace.scoring.verdict import UNREADABLE, Expected, Verdict

TOLERANCE = Fraction(1, 20)  # paper (ChartQA)
YEARS = range(1000, 2101)  # ours: a four-digit whole number in this range is a year


def score_relaxed_number(response: str, expected: Expected) -> Verdict:
    """1 or 0, the best over the answers; unreadable without an answer, or without one number if one is expected."""
    return best_number(response, expected, is_close)


def best_number(response: str, expected: Expected, is_near: Callable[[NumberInText, NumberInText], bool]) -> Verdict:
    """The best verdict over the answers. is_near: whether a number that is given counts as the one wanted."""
    verdicts = (_against(response, answer, is_near) for answer in expected.answers)
    return max(verdicts, key=lambda verdict: verdict.counted)


def _against(response: str, reference: str, is_near: Callable[[NumberInText, NumberInText], bool]) -> Verdict:
    answer = only_answer(response, reference)
    if answer is None:
        return UNREADABLE
    if is_right(response, reference):
        return Verdict(1.0, answer)
    wanted = only_figure(reference)
    if wanted is None or wanted.kind != "number":
        return Verdict(0.0, answer)
    text = spread_out(without_markup(answer))
    found = figures(text)
    if len({figure.value for figure in found if figure.kind == "number"} - {None}) != 1:
        return UNREADABLE
    mentions = [
        Mention(figure.start, figure.end, _means(wanted, figure) and is_near(wanted, figure)) for figure in found
    ]
    near = agrees(text, mentions)
    return Verdict(float(near), answer)


def _means(wanted: NumberInText, given: NumberInText) -> bool:
    """Whether it is a number, with the unit that is wanted, if any."""
    return given.kind == "number" and (not wanted.meanings or bool(wanted.meanings & given.meanings))


def is_close(wanted: NumberInText, given: NumberInText) -> bool:
    """Whether a number is within 5 % of the expected one; never for a year."""
    one, other = wanted.value, given.value
    if not isinstance(one, Fraction) or not isinstance(other, Fraction) or _is_year(wanted):
        return False
    return abs(other - one) <= TOLERANCE * abs(one)


def _is_year(figure: NumberInText) -> bool:
    return figure.text.isdigit() and len(figure.text) == 4 and int(figure.text) in YEARS
