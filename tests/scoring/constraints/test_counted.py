"""Counts of units, letters, keywords and items: tables of verdicts."""

import pytest

from demiglace.scoring.constraints.constraint import Bounds, Constraint
from demiglace.scoring.constraints.counted import ItemCount, KeywordCount, LetterCount, UnitCount

ONE, TWO, NONE = Bounds.exactly(1), Bounds.exactly(2), Bounds.exactly(0)
COLOURS = ("red", "green", "blue")


@pytest.mark.parametrize(
    ("constraint", "text", "is_met"),
    [
        (UnitCount("words", Bounds.exactly(5)), "The sky is deep blue.", True),
        (UnitCount("words", Bounds.exactly(5)), "The sky is blue.", False),
        (UnitCount("words", Bounds(2, 3)), "a b c", True),
        (UnitCount("words", Bounds(2, 3)), "a b c d", False),
        (UnitCount("sentences", Bounds(2)), "One. Two. Three.", True),
        (LetterCount("e", NONE), "A dark sky", True),
        (LetterCount("e", NONE), "THE sky", False),
        (LetterCount("E", TWO), "eerie", False),
        (LetterCount("e", NONE), "café", True),
        (LetterCount("é", ONE), "cafe\u0301", True),
        (KeywordCount("sea", Bounds(1)), "The SEA, again", True),
        (KeywordCount("sea", Bounds(1)), "A seal in the overseas", False),
        (KeywordCount("sea", NONE), "under-sea", False),
        (KeywordCount("deep sea", ONE), "the deep\n sea", True),
        (KeywordCount("C++", ONE), "I like C++.", True),
        (KeywordCount("a.m.", NONE), "my arms", True),
        (KeywordCount("海", ONE), "大海很大", True),
        (ItemCount(",", TWO, COLOURS), "red, green", True),
        (ItemCount(", ", TWO, COLOURS), "Red,GREEN.", True),
        (ItemCount(",", TWO, COLOURS), "red, red", False),
        (ItemCount(",", TWO, COLOURS), "red, green, blue", False),
        (ItemCount(",", TWO, COLOURS), "red, pear", False),
        (ItemCount(",", TWO, COLOURS), "red,, green", False),
        (ItemCount(",", TWO, COLOURS), "The colours red, green", False),
        (ItemCount(",", ONE, COLOURS), "It is red", False),
        (ItemCount("\n", TWO, COLOURS), "red\n\n green ", True),
        (ItemCount("\n", TWO, COLOURS), "- red\n* green", True),
        (ItemCount("\n", TWO, COLOURS), "1. red\n2. green", True),
        (ItemCount("\n", TWO, COLOURS), "red, green", False),
        (ItemCount(" ", TWO), "red green", True),
        (ItemCount(";", Bounds(2)), "a; b; c", True),
    ],
)  # fmt: skip
def test_counts(constraint: Constraint, text: str, is_met: bool) -> None:
    assert constraint.is_met_by(text) is is_met


def test_bounds_say_what_they_are() -> None:
    told = [Bounds.exactly(1).of("word"), Bounds(2).of("word"), Bounds(0, 1).of("word"), Bounds(2, 3).of("word")]
    assert told == ["exactly 1 word", "at least 2 words", "at most 1 word", "2 to 3 words"]


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: Bounds(5, 3), "at least 5 and at most 3 contradict each other"),
        (lambda: Bounds(0), "at least 0 is true of every answer"),
        (lambda: UnitCount("words", NONE), "no answer has 0 words"),
        (lambda: LetterCount("ab", ONE), "`letter` must be one letter, got 'ab'"),
        (lambda: LetterCount("1", ONE), "`letter` must be one letter, got '1'"),
        (lambda: ItemCount(",", NONE), "no answer has 0 items"),
        (lambda: ItemCount(",", Bounds(3), ("a", "A", "b")), "at least 3 different items, but `among` has 3"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_told(make, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        make()
