"""Which long answers are fit to learn from: formed well, right, without a wrong claim, without idle repetition.

The paper's pipeline for long answers (its section on SFT data): correctness, claims one by one, meaningless repetition.
Here claims are those of arithmetic, which a rule can check.
"""

from __future__ import annotations

import operator
import re
from collections import Counter
from fractions import Fraction

from demiglace.data.questions import Question, is_right, reply
from demiglace.processing.template import END_THINK, THINK

WORDS_OF_A_PHRASE = 8  # ours, as is the next
MOST_REPEATS = 2  # times that a phrase of so many words may occur

_NUMBER = r"-?\d{1,15}(?:\.\d{1,15})?(?!\d)"
_SUM = rf"{_NUMBER}(?:\s*[-+*/×]\s*{_NUMBER})*"
_CLAIM = re.compile(rf"(?<![\w.+*/×-])(?<![+*/×-]\s){_SUM}(?:\s*[=<>]\s*{_SUM})+")
_RELATION = re.compile(r"\s*([=<>])\s*")
_TERM = re.compile(rf"\s*([-+*/×]?)\s*({_NUMBER})")
_QUOTED = re.compile(r'"[^"\n]*"|“[^”\n]*”')  # what others wrote is no claim
_GROUPED = re.compile(r"(?<=\d),(?=\d{3}\b)")
_HOLDS = {"=": operator.eq, "<": operator.lt, ">": operator.gt}


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
    if not is_right(answer, question.answer, question.choices):
        return "answer"
    if wrong := wrong_claims(reasoning):
        return f"claim: {wrong[0]}"
    if repeats(reasoning) > MOST_REPEATS:
        return "repetition"
    return None


def wrong_claims(text: str) -> list[str]:
    """The claims such as "3 + 4 = 7" or "12 > 7" that do not hold; quotations are not searched."""
    claims = _CLAIM.findall(_GROUPED.sub("", _QUOTED.sub(" ", text)))
    return [claim for claim in claims if not _holds(claim)]


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


def _holds(claim: str) -> bool:
    pieces = _RELATION.split(claim)
    return all(_related(*pieces[i : i + 3]) for i in range(0, len(pieces) - 2, 2))


def _related(left: str, sign: str, right: str) -> bool:
    try:
        one, other = _value(left), _value(right)
    except ZeroDivisionError:
        return False
    if sign == "=" and "/" in left:  # as far as the quotient is written out
        return abs(one - other) <= Fraction(1, 2 * 10 ** len(right.partition(".")[2]))
    return bool(_HOLDS[sign](one, other))


def _value(expression: str) -> Fraction:
    """Of numbers joined by signs, products before sums."""
    terms: list[Fraction] = []
    for sign, digits in _TERM.findall(expression):
        number = Fraction(digits)
        if sign in ("*", "×"):
            terms[-1] *= number
        elif sign == "/":
            terms[-1] /= number
        else:
            terms.append(-number if sign == "-" else number)
    return sum(terms, Fraction(0))
