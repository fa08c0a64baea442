"""Repetition: how often the most frequent phrase of a text occurs."""

from __future__ import annotations

from collections import Counter

WORDS_OF_A_PHRASE = 8  # ours, as is the next


def repeats(text: str, num_words: int = WORDS_OF_A_PHRASE) -> int:
    """How often the most frequent phrase of `num_words` words occurs; 0 in a shorter text."""
    words = text.lower().split()
    phrases = Counter(tuple(words[i : i + num_words]) for i in range(len(words) - num_words + 1))
    return max(phrases.values(), default=0)
