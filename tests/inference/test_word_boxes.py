"""Words of a crop by the gaps in its ink; where these do not tell, nothing is guessed."""

import numpy as np
import pytest

from demiglace.inference.word_boxes import word_boxes


def marks(*spans: tuple[int, int]) -> np.ndarray:
    return np.array([(left, 10, right, 20) for left, right in spans], np.float64)


def test_words_are_parted_at_the_widest_gaps() -> None:
    ink = marks((0, 8), (10, 18), (26, 34), (36, 44), (46, 54), (63, 70))
    assert word_boxes(" To  see a ", ink) == [
        ("To", (0, 10, 18, 20)),
        ("see", (26, 10, 54, 20)),
        ("a", (63, 10, 70, 20)),
    ]


def test_letters_that_touch_and_dots_above_are_no_gaps() -> None:
    ink = marks((0, 30), (4, 6), (31, 40), (50, 90))
    assert word_boxes("first word", ink) == [("first", (0, 10, 40, 20)), ("word", (50, 10, 90, 20))]


@pytest.mark.parametrize(
    ("text", "ink"),
    [
        ("to be or", marks((0, 8), (10, 18), (26, 34), (36, 44))),  # two gaps, of which one is as narrow as letters'
        ("a b", marks((0, 20))),
        ("one so very wide", marks((0, 100), (110, 120), (128, 136), (150, 160))),  # "one" as wide as ten letters
    ],
)
def test_where_gaps_do_not_tell_all_words_share_a_box(text: str, ink: np.ndarray) -> None:
    ((words, box),) = word_boxes(text, ink)
    assert (words, box) == (text, (0, 10, ink[:, 2].max(), 20))


def test_no_text_has_no_words() -> None:
    assert word_boxes(" ", marks((0, 8))) == []
