"""The answer of a response, as the scorers of all families read it."""

from __future__ import annotations

from demiglace.scoring.phrasing.final_answer import final_answers
from demiglace.scoring.phrasing.notation import squeezed, without_markup

_EDGES = " \t\n\"'`*"


def only_answer(response: str, reference: str = "") -> str | None:
    """The final answer without reasoning and markup; None where there is none, or where two differ.

    reference: words in it that look like "the answer is" are no mark in the response.
    """
    answers = {squeezed(answer): answer.strip(_EDGES) for answer in final_answers(response, reference)}
    return next(iter(answers.values())) if len(answers) == 1 else None


def bare(text: str) -> str:
    """`text` without markup, and without quotes and spaces around it: as an answer and a reference are compared."""
    return without_markup(text).strip(_EDGES)
