"""Relaxed accuracy (ChartQA, section 5.1): a number may be off by 5 %, everything else must be right.

Years have no tolerance: 1950 is wrong for 2009, although it is within 5 %. A unit, currency or per cent sign of the
reference must be in the answer, as everywhere (`answer_match`).
"""

from __future__ import annotations

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
    return max((_against(response, answer) for answer in expected.answers), key=lambda verdict: verdict.counted)


def _against(response: str, reference: str) -> Verdict:
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
    close = agrees(text, [Mention(figure.start, figure.end, is_close(wanted, figure)) for figure in found])
    return Verdict(float(close), answer)


def is_close(wanted: NumberInText, given: NumberInText) -> bool:
    """Whether a number is within 5 % of the expected one; never for a year."""
    one, other = wanted.value, given.value
    if not isinstance(one, Fraction) or not isinstance(other, Fraction) or given.kind != "number":
        return False
    if (wanted.meanings and not wanted.meanings & given.meanings) or _is_year(wanted):
        return False
    return abs(other - one) <= TOLERANCE * abs(one)


def _is_year(figure: NumberInText) -> bool:
    return figure.text.isdigit() and len(figure.text) == 4 and int(figure.text) in YEARS
