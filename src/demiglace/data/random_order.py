"""A random order of any number of records, of which no list is kept.

A Feistel network of keyed hashes permutes the numbers below a power of four. Numbers beyond the records are mapped
again until one is a record's (cycle walking; Black and Rogaway 2002, "Ciphers with arbitrary finite domains").
"""

from __future__ import annotations

from hashlib import blake2b

ROUNDS = 6  # ours; four are enough for an order that looks random
FEWEST_BITS = 3  # of each half (ours): a network of smaller halves has few orders


def shuffled(number: int, size: int, seed: tuple[int, ...]) -> int:
    """The number below `size` at place `number` of an order given by `seed`; each occurs at one place."""
    bits = max(FEWEST_BITS, ((size - 1).bit_length() + 1) // 2)
    key = b"".join(part.to_bytes(16, "little", signed=True) for part in seed)
    while True:
        number = _permuted(number, bits, key)
        if number < size:
            return number


def _permuted(number: int, bits: int, key: bytes) -> int:
    """A permutation of the numbers of 2 * `bits` bits."""
    mask = (1 << bits) - 1
    left, right = number >> bits, number & mask
    for turn in range(ROUNDS):
        left, right = right, left ^ (_hashed(right, turn, key) & mask)
    return left << bits | right


def _hashed(half: int, turn: int, key: bytes) -> int:
    text = key + turn.to_bytes(1, "little") + half.to_bytes(8, "little")
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "little")
