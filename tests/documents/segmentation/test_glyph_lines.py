"""Lines, blocks and reading order from places alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from demiglace.documents.segmentation import glyph_lines
from demiglace.documents.segmentation.glyph_lines import block_order, find_blocks, find_lines, wide_gaps


def pieces(*rows: tuple[float, list[float]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pieces of 10 pixels' width and em, by baseline and left edges."""
    spans = np.array([[left, left + 10] for _, lefts in rows for left in lefts], float)
    baselines = np.array([baseline for baseline, lefts in rows for _ in lefts], float)
    return spans, baselines, np.full(len(spans), 10.0)


def found(*rows: tuple[float, list[float]]) -> list[list[int]]:
    return [line.tolist() for line in find_lines(*pieces(*rows))]


def spaced(*gaps: float) -> np.ndarray:
    """Spans of 10 pixels with these gaps between them."""
    starts = np.cumsum([0, *(10 + gap for gap in gaps)])
    return np.stack([starts, starts + 10], axis=1)


def test_no_pieces_give_no_lines_and_no_blocks():
    assert find_lines(*pieces()) == []
    assert find_blocks(np.empty((0, 4)), np.empty(0), np.empty(0)) == []
    assert block_order(np.empty((0, 4))) == []


def test_pieces_on_a_baseline_are_a_line():
    assert found((100, [0, 10, 20]), (112, [0, 10])) == [[0, 1, 2], [3, 4]]


def test_pieces_are_joined_in_whatever_order_they_come():
    assert sorted(found((100, [42]), (112, [0]), (100, [0, 28, 14]))) == [[1], [2, 4, 3, 0]]


def test_an_initial_as_high_as_three_lines_joins_none_of_them():
    spans, baselines, ems = pieces((100, [40, 50]), (112, [40, 50]), (124, [0]))
    ems[-1] = 36
    assert sorted(line.tolist() for line in find_lines(spans, baselines, ems)) == [[0, 1], [2, 3], [4]]


@given(st.permutations(range(12)))
def test_the_order_of_pieces_does_not_matter(order):
    spans, baselines, ems = pieces((100, [0, 12, 24, 36]), (115, [0, 12, 24, 36]), (130, [0, 12, 24, 36]))
    lines = find_lines(spans[order], baselines[order], ems[order])
    assert sorted([order[number] for number in line] for line in lines) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]


@pytest.mark.parametrize(
    ("gaps", "cuts"),
    [
        ([3, 3, 3], []),
        ([3, 3, 20, 3], [3]),  # a gutter among ordinary spaces
        ([12, 13, 12, 14, 13, 12], []),  # justified text: all its spaces are wide
        ([12, 14], [1, 2]),  # cells of a table: wide gaps, but few
        ([9], [1]),
        ([7], []),
        ([12, 13, 30, 14, 13, 12], [3]),
        ([0.5, 0, 0.2, 9], [4]),  # letters of a word do not count as spaces
    ],
)
def test_wide_gaps_part_a_line(gaps, cuts):
    assert wide_gaps(spaced(*gaps), em=10) == cuts


def blocks(*boxes: tuple[float, float, float], em: float = 10) -> list[list[int]]:
    """Blocks of lines by left and right edge and baseline."""
    lines = np.array([[left, baseline - em, right, baseline + 2] for left, right, baseline in boxes], float)
    return find_blocks(lines, np.array([baseline for *_, baseline in boxes], float), np.full(len(boxes), em))


def test_lines_of_one_paragraph_are_a_block():
    assert blocks((0, 100, 20), (0, 100, 32), (0, 40, 44), (0, 100, 80)) == [[0, 1, 2], [3]]


def test_columns_side_by_side_are_blocks_of_their_own():
    assert blocks((0, 100, 20), (120, 220, 20), (0, 100, 32), (120, 220, 32)) == [[0, 2], [1, 3]]


def test_a_heading_in_larger_letters_is_a_block_of_its_own():
    boxes = np.array([[0, 0, 100, 20], [0, 22, 100, 32], [0, 34, 100, 44]], float)
    assert find_blocks(boxes, np.array([18.0, 30, 42]), np.array([20.0, 10, 10])) == [[0], [1, 2]]


def test_too_many_lines_are_refused(monkeypatch):
    monkeypatch.setattr(glyph_lines, "MAX_LINES", 3)
    with pytest.raises(ValueError, match="4 lines, more than the 3 taken"):
        blocks(*((0, 100, 20 * number) for number in range(4)))


def test_columns_are_read_between_what_spans_them():
    title, left, right, foot = (0, 0, 220, 10), (0, 20, 100, 200), (120, 20, 220, 190), (0, 210, 220, 220)
    second_left, second_right = (0, 230, 100, 300), (120, 230, 220, 300)
    page = np.array([second_right, foot, right, title, left, second_left], float)
    assert block_order(page) == [3, 4, 2, 1, 5, 0]


@given(
    st.lists(st.tuples(*[st.integers(0, 50)] * 2, *[st.integers(1, 30)] * 2), max_size=12),
)
def test_every_box_is_read_once_and_in_any_arrangement(places):
    boxes = np.array([[x, y, x + width, y + height] for x, y, width, height in places], float).reshape(-1, 4)
    assert sorted(block_order(boxes)) == list(range(len(places)))


def test_a_hull_covers_no_line_of_another_block():
    """A region is shown by the hull of its lines, so text that is not its own must not stand in it."""
    short, full, beside = (0, 0, 100, 10), (0, 42, 300, 52), (200, 14, 300, 24)
    boxes = np.array([short, (0, 14, 100, 24), (0, 28, 100, 38), full, (0, 56, 300, 66), beside], float)
    blocks = find_blocks(boxes, boxes[:, 3], np.full(6, 10.0))
    assert blocks == [[0, 1, 2], [5], [3, 4]]
    assert find_blocks(boxes[:5], boxes[:5, 3], np.full(5, 10.0)) == [[0, 1, 2, 3, 4]]
