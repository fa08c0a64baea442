"""Lines of a stack lie one under another at one letter height, each on its own paper."""

import numpy as np
import pytest

from demiglace.data.text_crops.line_stacks import stack_lines
from demiglace.typography.rendering import Rendered


def line(text: str, height: int, ink: tuple[int, int, int] = (0, 0, 0), paper: int = 255) -> Rendered:
    """Bars of ink `height` pixels high, 4 pixels of paper around."""
    picture = np.full((height + 8, len(text) * height + 8, 3), paper, np.uint8)
    picture[4:-4, 4:-4] = ink
    lefts = 4 + height * np.arange(len(text))
    boxes = np.stack([lefts, np.full_like(lefts, 4), lefts + height, np.full_like(lefts, 4 + height)], axis=1)
    return Rendered(picture, text, boxes.astype(np.float32), np.zeros(len(text), np.int64))


def test_letters_are_as_high_as_the_highest_and_boxes_follow() -> None:
    stack = stack_lines([line("abc", 12), line("de", 24)])
    assert stack.text == "abc\nde"
    assert stack.line_of.tolist() == [0, 0, 0, 1, 1]
    assert stack.picture.shape == (2 * 20 + 32, 2 * (3 * 12 + 8), 3)
    assert stack.boxes[:, 3] - stack.boxes[:, 1] == pytest.approx([24] * 5)
    assert stack.boxes[0].tolist() == [8, 8, 32, 32]
    assert stack.boxes[3].tolist() == [4, 44, 28, 68]
    for left, top, right, bottom in stack.boxes.astype(int):
        assert stack.picture[top + 2 : bottom - 2, left + 2 : right - 2].max() < 30


def test_a_shorter_line_goes_on_in_its_own_paper() -> None:
    stack = stack_lines([line("ab", 10, paper=128), line("abcdef", 10, ink=(255, 255, 255), paper=30)])
    assert (stack.picture[:18, 28:] == 128).all()
    assert (stack.picture[-1] == 30).all()
