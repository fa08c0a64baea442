"""Filter of long answers for training: well formed, right, without a wrong claim, without repetition.

The paper's pipeline for long answers (its section on SFT data): correctness, claims one by one, meaningless repetition.
Here claims are those of arithmetic, which a rule can check.
"""

from __future__ import annotations

from demiglace.scoring.arithmetic.claims import wrong_claims
from demiglace.scoring.question import Question, reply
from demiglace.scoring.repetition import repeats
from demiglace.scoring.thinking_format import reasoning_and_answer

MOST_REPEATS = 2  # times that a phrase of so many words may occur


def teaches_reasoning(question: Question) -> bool:
    """Whether the question has steps, and its own long answer passes the filter."""
    return bool(question.steps) and fault(reply(question, long=True), question) is None


def fault(said: str, question: Question) -> str | None:
    """Why a long answer fails the filter, in a few words; None where it passes.

    said: reasoning between the marks, then the answer, as `Question.reply` writes it.
    """
    parts = reasoning_and_answer(said)
    if parts is None:
        return "marks"
    reasoning, answer = parts
    if not question.is_answered_by(answer):
        return "answer"
    if wrong := wrong_claims(reasoning):
        return f"claim: {wrong[0]}"
    if repeats(reasoning) > MOST_REPEATS:
        return "repetition"
    return None
