"""RLPR: a reward for references that no rule can compare (Yu et al., arXiv 2506.18254; paper, section on rewards).

How much the model's own reasoning raises the probability of the reference: the mean probability of its tokens after the
reasoning, minus the same without reasoning, and at least 0 (released code).

A reference is compared by rule if it has a type other than a phrase, is one of some choices, or is a phrase of at most
three words, and always in short mode, which has no reasoning; all others are rewarded by probability. The paper says "a
few tokens"; the number is ours. Two characters of Chinese or Japanese, which have no spaces, are a word. Constraints
are checked by rule.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Literal

from demiglace.rl.rollout import Mode
from demiglace.scoring.answer_type import answer_type
from demiglace.scoring.constraints.text_units import IDEOGRAPH
from demiglace.scoring.question import Question

MOST_WORDS_BY_RULE = 3  # ours
_IDEOGRAPHS = re.compile(rf"[{IDEOGRAPH}]{{1,2}}")
ScoredBy = Literal["rule", "probability"]


def scored_by(question: Question, mode: Mode) -> ScoredBy:
    """How answers to the question are scored, by the rule above."""
    if question.constraints:
        return "rule"
    is_phrase = answer_type(question.answer, question.choices) == "phrase"
    is_long = len(_IDEOGRAPHS.sub(" x ", question.answer).split()) > MOST_WORDS_BY_RULE
    return "probability" if mode == "long" and is_phrase and is_long else "rule"


def mean_probability(log_probs: Sequence[float]) -> float:
    """Mean probability of a reference's tokens, each given those before it; ValueError if there is none."""
    if not log_probs:
        raise ValueError("a reference needs at least 1 token, got 0")
    return math.fsum(math.exp(log_prob) for log_prob in log_probs) / len(log_probs)


def probability_reward(with_thoughts: float, without: float) -> float:
    """The gain; both arguments are mean probabilities of the reference."""
    return max(0.0, with_thoughts - without)
