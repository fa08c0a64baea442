"""Thoughts and text apart while they are written."""

from __future__ import annotations

import random

import pytest

from demiglace.inference.answer import thinking_and_text
from demiglace.inference.thought_splitter import ThoughtSplitter

WRITTEN = [
    ("\nI see a cat.\n</think>\n\nA cat  sits. \n", True, False),
    ("I see </thing> and <thin\n</think>\n\n<b>A</b> cat", True, False),
    ("I see a cat", True, False),
    ("", True, False),
    ("A cat.\n\n Two lines. ", False, False),
    ("</think>\n\nA cat.", False, False),
    ("a < b </thin", False, False),
    (' {"a": "</think>"} ', False, True),
    ('I see\n</think>\n\n {"a": 1} ', True, True),
]


@pytest.mark.parametrize(("written", "thinking", "is_guided"), WRITTEN)
@pytest.mark.parametrize("seed", range(3))
def test_pieces_make_the_whole(written: str, thinking: bool, is_guided: bool, seed: int) -> None:
    splitter, chance, pushed = ThoughtSplitter(thinking, is_guided), random.Random(seed), []
    left = written
    while left:
        length = chance.randint(1, 4)
        pushed.append(splitter.push(left[:length]))
        left = left[length:]
    pushed.append(splitter.push("", is_last=True))
    found = tuple("".join(pieces) for pieces in zip(*pushed, strict=True))
    assert found == thinking_and_text(written, thinking, is_guided)


def test_no_piece_of_a_mark_is_shown() -> None:
    splitter = ThoughtSplitter(thinking=True, is_guided=False)
    assert [splitter.push(piece) for piece in ("Hm</", "thi", "nk>", "A")] == [
        ("Hm", ""),
        ("", ""),
        ("", ""),
        ("", "A"),
    ]
