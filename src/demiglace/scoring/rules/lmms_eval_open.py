"""How lmms-eval 0.7.3 scores open questions of MMMU: candidates are extracted from the response; one must match."""

from __future__ import annotations

import re
from collections.abc import Iterable

_KEYS = ("could be ", "so ", "is ", "thus ", "therefore ", "final ", "answer ", "result ")
_LINES = re.compile(r"\.\s(?=[A-Z])|\n")  # in lower-case text: only line breaks match
_NUMBERS = (
    re.compile(r"-?\b\d{1,3}(?:,\d{3})+\b"),
    re.compile(r"-?\d+(?:\.\d+)?[eE][+-]?\d+"),
    re.compile(r"-?(?:\d+\.\d+|\.\d+|\d+\b)(?![eE][+-]?\d+)(?![,\d])"),
)
_SIGNS = {"", ":", ",", ".", "!", "?", ";", "'"}

_Value = str | float


def is_open_answer(response: str, answers: Iterable[str]) -> bool:
    """Whether a candidate equals an expected number to two decimals, or contains an expected text anywhere."""
    wanted = [value for answer in answers for value in _values(answer)]
    words = [value for value in wanted if isinstance(value, str)]
    return any(
        any(word in given for word in words) if isinstance(given, str) else given in wanted
        for given in _candidates(response)
    )


def _candidates(response: str) -> list[_Value]:
    texts = _tails(response)
    numbers = [number for text in texts for form in _NUMBERS for number in form.findall(text)]
    return [value for text in (*texts, *numbers) for value in _values(text)]


def _tails(response: str) -> list[str]:
    """The shortest tail of each line after "is", "so" and the like, in the last line also after "="; else all."""
    text = response.strip().strip(".").lower()
    lines = _LINES.split(text)
    tails = []
    for number, line in enumerate(lines, start=1):
        keys = (*_KEYS, "=") if number == len(lines) else _KEYS
        ends = [line.split(key)[-1].strip() for key in keys if key in line]
        tails.append(_shortest(ends))
    return [tail for tail in tails if tail not in _SIGNS] or [text]


def _shortest(ends: list[str]) -> str:
    """The first of the shortest; an empty one is replaced by the next."""
    shortest = ""
    for end in ends:
        if not shortest or len(end) < len(shortest):
            shortest = end
    return shortest


def _values(text: str) -> list[_Value]:
    """A number to two decimals, or a text in lower case; a single letter must be next to a space."""
    text = text.strip()
    try:
        float(text.replace(",", ""))
    except ValueError:
        word = text.lower()
        return [f" {word}", f"{word} "] if len(word) == 1 else [word]
    return [round(float(text.replace(",", "")), 2)]
