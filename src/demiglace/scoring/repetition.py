"""Repetition: how often the most frequent phrase of a text occurs."""

from __future__ import annotations

import re
from collections import Counter

from demiglace.scoring.constraints.text_units import IDEOGRAPH

WORDS_OF_A_PHRASE = 8  # ours, as is the next
_WORD = re.compile(rf"[{IDEOGRAPH}]|[^\s{IDEOGRAPH}]+")


def repeats(text: str, num_words: int = WORDS_OF_A_PHRASE) -> int:
    """How often the most frequent phrase of `num_words` words occurs; 0 in a shorter text.

    Spaces separate words. Chinese and Japanese have none, so each of their characters is a word.
    """
    words = _WORD.findall(text.lower())
    phrases = Counter(tuple(words[i : i + num_words]) for i in range(len(words) - num_words + 1))
    return max(phrases.values(), default=0)
