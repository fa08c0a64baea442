"""OCRBench: an answer counts if it occurs anywhere in the response, as whole words."""

from __future__ import annotations

import re

from demiglace.scoring.phrasing.notation import one_notation, squeezed
from demiglace.scoring.phrasing.phrases import occurrence
from demiglace.scoring.verdict import UNREADABLE, Expected, Verdict

_REASONING, _END_OF_REASONING = "<think>", "</think>"


def score_contained(response: str, expected: Expected) -> Verdict:
    """1 if a response contains one of the answers, ignoring case; not inside a longer word or number.

    Unreadable if there is no text after the reasoning.
    """
    answers = [squeezed(one_notation(answer)) for answer in expected.answers]
    return _score(squeezed(one_notation(_written(response))), answers)


def score_formula_contained(response: str, expected: Expected) -> Verdict:
    """As `score_contained`, for LaTeX: spaces are ignored, and case matters."""
    return _score("".join(_written(response).split()), ["".join(answer.split()) for answer in expected.answers])


def _score(written: str, answers: list[str]) -> Verdict:
    if not written:
        return UNREADABLE
    found = [place for answer in answers if answer and (place := _whole(answer).search(written))]
    return Verdict(float(bool(found)), found[0].group() if found else written)


def _whole(answer: str) -> re.Pattern[str]:
    return occurrence([answer])


def _written(response: str) -> str:
    """The text after the reasoning; "" if the reasoning never ends."""
    behind = response.rpartition(_END_OF_REASONING)[2]
    return "" if _REASONING in behind else behind
