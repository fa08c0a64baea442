"""Random words, letters and digits, from which all other texts are composed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from demiglace.typography.corpus import words


def pick(rng: np.random.Generator, options: Sequence[str]) -> str:
    return options[int(rng.integers(len(options)))]


def digits(rng: np.random.Generator, count: int) -> str:
    return "".join(map(str, rng.integers(0, 10, count)))


LETTERS = "abcdefghijklmnopqrstuvwxyz"


def fill(num_characters: int, make: Callable[[], str]) -> str:
    """As many pieces as it takes to have `num_characters`, each with a space behind it but the last."""
    pieces, length = [], 0
    while length < num_characters:
        pieces.append(make())
        length += len(pieces[-1]) + 1
    return " ".join(pieces)


def word(rng: np.random.Generator) -> str:
    return pick(rng, words())


LONGEST_WORD = 9


def plain_words(rng: np.random.Generator, count: int, longest: int = LONGEST_WORD) -> list[str]:
    """Different words of 3 to `longest` small letters; ValueError where no dictionary is installed."""
    found: list[str] = []
    while len(found) < count:
        word = pick(rng, words())
        if 3 <= len(word) <= longest and word.isascii() and word.isalpha() and word.islower() and word not in found:
            found.append(word)
    return found
