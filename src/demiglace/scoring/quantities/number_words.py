"""Numbers written in words, from zero to the billions."""

from __future__ import annotations

from collections.abc import Sequence

_SMALL_WORDS = """
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
    eighteen nineteen
"""
_SMALL = {word: value for value, word in enumerate(_SMALL_WORDS.split())}
_TENS = {"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90}
_SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9}
_MOST_WORDS = 20


def number_in_words(words: Sequence[str]) -> tuple[int, int] | None:
    """The value of the longest number at the start of `words`, in lower case, and how many words it has."""
    total, current, last, taken, scale = 0, 0, "", 0, 10**12
    for count, word in enumerate(words[:_MOST_WORDS], start=1):
        if word == "and":
            if last not in ("hundred", "scale"):
                break
            last = "and"
            continue
        kind = _kind(word)
        if not _follows(kind, last, current) or (kind == "scale" and _SCALES[word] >= scale):
            break
        if kind == "hundred":
            current *= 100
        elif kind == "scale":
            total, current, scale = total + current * _SCALES[word], 0, _SCALES[word]
        else:
            current += _SMALL.get(word, 0) + _TENS.get(word, 0)
        last, taken = kind, count
    return (total + current, taken) if taken else None


def _kind(word: str) -> str:
    if word in _TENS:
        return "tens"
    if word in _SMALL:
        return "digit" if 0 < _SMALL[word] < 10 else "small"
    return "hundred" if word == "hundred" else "scale" if word in _SCALES else ""


def _follows(kind: str, last: str, current: int) -> bool:
    """Whether a word of one kind can continue a number whose last word was of kind `last`; "" before the first."""
    if kind in ("tens", "small"):
        return last in ("", "hundred", "scale", "and")
    if kind == "digit":
        return last in ("", "tens", "hundred", "scale", "and")
    if kind == "hundred":
        return last in ("digit", "small", "tens") and 0 < current < 100
    return kind == "scale" and last in ("digit", "small", "tens", "hundred") and current > 0
