"""Questions with a short answer, right or wrong by the rules of `answer_match`: words, numbers, formulas."""

from __future__ import annotations

from demiglace.scoring.answer_match import is_right
from demiglace.scoring.phrasing.final_answer import final_answers
from demiglace.scoring.verdict import UNREADABLE, Expected, Verdict


def score_short_answer(response: str, expected: Expected) -> Verdict:
    """1 if one of the answers is given and no other, else 0; unreadable without an answer, or if there are choices and
    none or several of them are chosen.

    Raises ValueError if an answer is a formula and math-verify is not installed.
    """
    answers = final_answers(response, expected.answers[0])
    if not answers:
        return UNREADABLE
    choices = tuple(expected.choices.values())
    if any(is_right(response, answer, choices) for answer in expected.answers):
        return Verdict(1.0, " | ".join(answers))
    if choices and not any(is_right(response, choice, choices) for choice in choices):
        return UNREADABLE
    return Verdict(0.0, " | ".join(answers))
