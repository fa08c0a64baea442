"""Accuracy of text recognition: pure functions from two strings to a number.

Every score compares texts after `single_spaced`: a reader that writes a straight quote for a curly one, or breaks lines
    elsewhere, has made no error. Lines are scored by characters, pages also by words regardless of order, because the
    reading order of columns and tables is ambiguous.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence

from rapidfuzz.distance import Levenshtein

_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u2212"
_SINGLE_QUOTES = "\u2018\u2019\u201a\u201b\u2032\u2035\u2039\u203a\u00b4\u0060"
_DOUBLE_QUOTES = "\u201c\u201d\u201e\u201f\u2033\u2036\u00ab\u00bb\u301d\u301e\u301f"
_FOLDED = str.maketrans(
    {**dict.fromkeys(_DASHES, "-"), **dict.fromkeys(_SINGLE_QUOTES, "'"), **dict.fromkeys(_DOUBLE_QUOTES, '"')}
)


def single_spaced(text: str) -> str:
    """Unicode NFKC, dashes and quotes folded to ASCII, runs of whitespace replaced by one space, ends stripped."""
    # Also folded before: NFKC splits an acute accent into a space and a mark, and a double prime into two primes.
    composed = unicodedata.normalize("NFKC", text.translate(_FOLDED))
    return " ".join(composed.translate(_FOLDED).split())


def count_edits(reference: str, prediction: str, case_sensitive: bool = True) -> tuple[int, int]:
    """Characters to insert, delete or replace in the prediction, and characters of the reference (Levenshtein)."""
    expected, found = _comparable(reference, case_sensitive), _comparable(prediction, case_sensitive)
    return Levenshtein.distance(expected, found), len(expected)


def character_error_rate(reference: str, prediction: str, case_sensitive: bool = True) -> float:
    """Edits over characters of the reference; above 1 for a long wrong answer.

    An empty reference counts as one character, so that any text for an empty reference is an error.
    """
    edits, characters = count_edits(reference, prediction, case_sensitive)
    return edits / max(characters, 1)


def corpus_character_error_rate(
    references: Sequence[str], predictions: Sequence[str], case_sensitive: bool = True
) -> float:
    """Edits of all texts over characters of all references: each character has equal weight, however long its text.

    Raises ValueError if the numbers of texts differ or no reference has a character.
    """
    if len(references) != len(predictions):
        raise ValueError(f"{len(references)} references, but {len(predictions)} predictions")
    counts = [count_edits(*pair, case_sensitive) for pair in zip(references, predictions, strict=True)]
    edits, characters = sum(edits for edits, _ in counts), sum(characters for _, characters in counts)
    if characters == 0:
        raise ValueError(f"{len(references)} references, but 0 characters in them")
    return edits / characters


def word_f1(reference: str, prediction: str, case_sensitive: bool = True) -> float:
    """Harmonic mean of precision and recall over the words, with multiplicity, regardless of order.

    Two empty texts agree (1.0).
    """
    expected = Counter(_comparable(reference, case_sensitive).split())
    found = Counter(_comparable(prediction, case_sensitive).split())
    words = expected.total() + found.total()
    return 2 * (expected & found).total() / words if words else 1.0


def _comparable(text: str, case_sensitive: bool) -> str:
    normalised = single_spaced(text)
    return normalised if case_sensitive else normalised.casefold()
