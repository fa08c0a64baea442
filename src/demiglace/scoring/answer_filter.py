"""Which long answers are fit to learn from: formed well, right, without a wrong claim, without idle repetition.

The paper's pipeline for long answers (its section on SFT data): correctness, claims one by one, meaningless repetition.
Here claims are those of arithmetic, which a rule can check.
"""

from __future__ import annotations

from collections import Counter

from demiglace.processing.chat_template import END_THINK, THINK
from demiglace.scoring.arithmetic.claims import wrong_claims
from demiglace.scoring.question import Question, reply

WORDS_OF_A_PHRASE = 8  # ours, as is the next
MOST_REPEATS = 2  # times that a phrase of so many words may occur


def teaches_reasoning(question: Question) -> bool:
    """Whether the question has steps, and its own long answer is fit to learn from."""
    return bool(question.steps) and fault(reply(question, long=True), question) is None


def fault(said: str, question: Question) -> str | None:
    """Why a long answer is not fit to learn from, in a few words; None where it is.

    said: reasoning between the marks, then the answer, as `questions.reply` writes it.
    """
    parts = _reasoning_and_answer(said)
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


def repeats(text: str, num_words: int = WORDS_OF_A_PHRASE) -> int:
    """How often the most frequent phrase of `num_words` words occurs; 0 in a shorter text."""
    words = text.lower().split()
    phrases = Counter(tuple(words[i : i + num_words]) for i in range(len(words) - num_words + 1))
    return max(phrases.values(), default=0)


def _reasoning_and_answer(said: str) -> tuple[str, str] | None:
    """Both, where there is one pair of marks, in order, and text between and after them."""
    if said.count(THINK) != 1 or said.count(END_THINK) != 1 or not said.startswith(THINK):
        return None
    reasoning, _, answer = said.removeprefix(THINK).partition(END_THINK)
    return (reasoning, answer.strip()) if reasoning.strip() and answer.strip() else None
