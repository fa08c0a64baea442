"""The lines of text that are drawn: random strings, words, sentences, fields of forms, web addresses and code."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from demiglace.typography.corpus import ALPHABET, PRINTABLE, passage
from demiglace.typography.field_samples import (
    address,
    amount,
    date,
    heading,
    item,
    moment,
    name,
    number,
    phone,
    phrase,
    time,
    total,
)
from demiglace.typography.words import LETTERS, digits, fill, pick, word


def sample_text(rng: np.random.Generator, num_characters: int) -> str:
    """One line of 1 to `num_characters` characters of `ALPHABET`, with single spaces inside and none at the ends."""
    if num_characters < 1:
        raise ValueError(f"a text needs at least 1 character, got {num_characters}")
    kind = _KINDS[np.searchsorted(_KIND_ENDS, rng.random(), side="right")]
    text = _clip(rng, " ".join(kind.make(rng, num_characters).split()), num_characters)
    if rng.random() < kind.upper:
        text = text.upper()
    return text.replace("É", "é") or _random_word(rng, num_characters)  # a change of case may leave the alphabet


def _clip(rng: np.random.Generator, text: str, num_characters: int) -> str:
    """A piece of at most that length: whole words from anywhere in the text, or a part of a longer word."""
    if len(text) <= num_characters:
        return text
    pieces = text.split(" ")
    first = int(rng.integers(len(pieces)))
    if len(pieces[first]) > num_characters:
        start = int(rng.integers(len(pieces[first]) - num_characters + 1))
        return pieces[first][start : start + num_characters]
    piece = " ".join(pieces[first:])
    return piece if len(piece) <= num_characters else piece[: piece.rfind(" ", 0, num_characters + 1)]


_POOLS = (
    "0123456789",
    "0123456789",
    LETTERS,
    LETTERS.upper(),
    LETTERS + LETTERS.upper(),
    LETTERS + LETTERS.upper() + "0123456789",
    LETTERS.upper() + "0123456789",
    PRINTABLE.strip(),
    ALPHABET.strip(),
    "0123456789.,-/:$%()#+*",
    "iIlL1|!jJtf/\\oO0QDcCGeaSs5Z2zB8g9q6bhnmrnvVwWuUxXkKyYpP",  # characters that are often confused
)


def _random_word(rng: np.random.Generator, num_characters: int) -> str:
    pool = pick(rng, _POOLS)
    return "".join(pool[i] for i in rng.integers(0, len(pool), min(num_characters, int(rng.geometric(0.18)))))


def _random_string(rng: np.random.Generator, num_characters: int) -> str:
    return fill(num_characters, lambda: _random_word(rng, num_characters))


def _word_line(rng: np.random.Generator, num_characters: int) -> str:
    return fill(num_characters, lambda: word(rng))


def _prose(rng: np.random.Generator, num_characters: int) -> str:
    line = passage(rng, num_characters)
    if rng.random() < 0.06:  # as in transcripts
        line = f"{rng.integers(1, 26)} {pick(rng, ('Q.', 'A.', 'THE COURT:', 'MR.', 'BY'))} {line}"[
            : num_characters + 1
        ]
    return _typeset(line) if rng.random() < 0.4 else line


def _typeset(text: str) -> str:
    """Straight quotes and double hyphens replaced by typographic ones."""
    text = re.sub(r"(?<!-)--(?!-)", "—", text)
    text = re.sub(r"(?<=\d)-(?=\d)", "–", text)
    text = re.sub(r'(^|[\s(])"', r"\1“", text).replace('"', "”")
    return re.sub(r"(^|[\s(])'", r"\1‘", text).replace("'", "’").replace("`", "‘")


def _web(rng: np.random.Generator, num_characters: int) -> str:
    host = f"{word(rng).lower()}.{pick(rng, ('com', 'org', 'net', 'co.uk', 'edu', 'io', 'de', 'com.my'))}".replace(
        "'", ""
    )
    if rng.random() < 0.45:
        return f"{word(rng).lower()}{pick(rng, '._-')}{word(rng).lower()}@{host}".replace("'", "")
    prefix = pick(rng, ("https://", "http://", "www.", "https://www.", ""))
    tail = f"/{word(rng)}" + (f"?id={digits(rng, 4)}" if rng.random() < 0.4 else "") if rng.random() < 0.6 else ""
    return prefix + host + tail


def _code(rng: np.random.Generator, num_characters: int) -> str:
    a, b = (word(rng).lower().replace("'", "_") for _ in range(2))
    n, k = rng.integers(0, 1000, 2)
    templates = (
        f"{a} = {b}[{n}:{k}]",
        f"if ({a} != {b}) {{ return {n}; }}",
        f"def {a}_{b}(self, x={n}):",
        f'{a}["{b}"] += {n} * {k}',
        f"$ {a} --{b}={n} | grep '{k}'",
        f'<{a} id="{b}">{n}</{a}>',
        f"#{n} {a}->{b}({k} & 0x{n:X});",
        f"/usr/{a}/{b}.{n}",
    )
    return templates[int(rng.integers(len(templates)))]


_RECEIPT_LINES: tuple[Callable[[np.random.Generator], str], ...] = (
    *(amount, amount, date, moment, time, phone, number, number, total, total, total),
    *(phrase, item, item, address),
)


def _receipt(rng: np.random.Generator, num_characters: int) -> str:
    text = _RECEIPT_LINES[int(rng.integers(len(_RECEIPT_LINES)))](rng)
    return text.title() if rng.random() < 0.25 else text


@dataclass(frozen=True)
class _LineKind:
    make: Callable[[np.random.Generator, int], str]
    weight: float
    upper: float  # share set in capitals


_KINDS = (
    _LineKind(_random_string, 0.20, 0.05),
    _LineKind(_word_line, 0.11, 0.2),
    _LineKind(_prose, 0.27, 0.1),
    _LineKind(_receipt, 0.24, 0.55),
    _LineKind(heading, 0.05, 0.4),
    _LineKind(name, 0.05, 0.3),
    _LineKind(_web, 0.04, 0.05),
    _LineKind(_code, 0.04, 0.0),
)
_KIND_ENDS = np.cumsum([kind.weight for kind in _KINDS]) / sum(kind.weight for kind in _KINDS)
