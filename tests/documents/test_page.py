"""Pages, their regions, and how boxes are shared out among letters."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from demiglace.documents.page import Line, Page, Region, divide, line_of, page_of, regions

PICTURE = np.full((100, 200, 3), 255, np.uint8)


def line(text: str, top: float) -> Line:
    return line_of([(text, 10.0, 10.0 + 8 * len(text))], (10.0, top, 10.0 + 8 * len(text), top + 12))


@pytest.fixture
def page() -> Page:
    lines = [line("one two", 10), line("three", 30), line("four five six", 60)]
    return page_of("page.png", PICTURE, lines, [[0, 1], [2]], {})


def test_lines_and_blocks_are_regions(page):
    assert [region.text for region in regions(page, "line")] == ["one two", "three", "four five six"]
    assert regions(page, "block")[0] == Region("one two\nthree", (page.lines[0].box, page.lines[1].box))
    assert [region.text for region in regions(page, "block")] == ["one two\nthree", "four five six"]


def test_words_are_regions_as_high_as_their_line(page):
    words = regions(page, "word")
    assert [word.text for word in words] == ["one", "two", "three", "four", "five", "six"]
    (one,), (two,) = words[0].boxes, words[1].boxes
    assert (one[0], one[1], one[3]) == (10, 10, 22)
    assert one[2] < two[0] < two[2] == page.lines[0].box[2]


def test_an_empty_page_has_no_regions():
    empty = page_of("page.png", PICTURE, [], [], {"invisible": 3})
    assert [regions(empty, unit) for unit in ("word", "line", "block")] == [[], [], []]


def test_lines_left_out_part_their_block():
    lines = [line("one", 10), None, line("three", 30), line("four", 50), None]
    page = page_of("page.png", PICTURE, lines, [[2, 3], [0, 1], [4]], {})
    assert [line.text for line in page.lines] == ["three", "four", "one"]
    assert page.blocks == (range(2), range(2, 3))
    parted = page_of("page.png", PICTURE, lines, [[0, 1, 2, 3, 4]], {})
    assert parted.blocks == (range(1), range(1, 3))


@given(st.text(min_size=1, max_size=40))
def test_letters_share_a_box_out_without_gaps(text):
    boxes = divide((5, 10, 105, 30), text)
    assert boxes.shape == (len(text), 4)
    assert boxes.dtype == np.float32
    assert (boxes[0, 0], boxes[-1, 2]) == (5, 105)
    assert (boxes[1:, 0] == boxes[:-1, 2]).all()
    assert (boxes[:, 0] < boxes[:, 2]).all()
    assert (boxes[:, [1, 3]] == [10, 30]).all()


def test_wide_letters_get_more_than_narrow_ones():
    widths = np.diff(divide((0, 0, 100, 10), "Wii")[:, [0, 2]])[:, 0]
    assert widths[0] > 2 * widths[1]
    assert widths[1] == pytest.approx(widths[2], rel=1e-5)
