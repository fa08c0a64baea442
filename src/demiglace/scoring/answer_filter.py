"""Filter of long answers for training: well formed, correct, without wrong claims, without repetition.

The paper's pipeline for long answers (its section on SFT data): correctness, single claims, meaningless repetition.
Only arithmetic claims are checked here, because a rule can check them.
"""

from __future__ import annotations

from demiglace.scoring.arithmetic.claims import wrong_claims
from demiglace.scoring.question import Question, reply
from demiglace.scoring.repetition import repeats
from demiglace.scoring.thinking_format import reasoning_and_answer

MOST_REPEATS = 2  # allowed occurrences of a phrase (`repetition`)


def teaches_reasoning(question: Question) -> bool:
    """Whether the question has steps, and its own long answer passes the filter."""
    return bool(question.steps) and fault(reply(question, long=True), question) is None


def fault(response: str, question: Question) -> str | None:
    """Why a long answer fails the filter, in a few words; None if it passes.

    said: reasoning between the tags, then the answer, as `question.reply` writes it.
    """
    parts = reasoning_and_answer(response)
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
