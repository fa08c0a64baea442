"""Extraction of a response's answer for the scorers of all families."""

from __future__ import annotations

from demiglace.scoring.phrasing.final_answer import final_answers
from demiglace.scoring.phrasing.notation import squeezed, without_markup

_EDGES = " \t\n\"'`*"


def only_answer(response: str, reference: str = "") -> str | None:
    """The final answer without reasoning and markup; None if there is none, or if two differ.

    reference: if it contains words like "the answer is", they are no marker in the response.
    """
    answers = {squeezed(answer): answer.strip(_EDGES) for answer in final_answers(response, reference)}
    return next(iter(answers.values())) if len(answers) == 1 else None


def bare(text: str) -> str:
    """`text` without markup and without surrounding quotes and spaces, for comparison."""
    return without_markup(text).strip(_EDGES)
