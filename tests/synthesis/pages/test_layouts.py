"""Rendered pages: every character where it is said to stand, and all in reading order."""

import numpy as np
import pytest

from demiglace.synthesis.pages.layouts import article, form, receipt, render_layout, table
from demiglace.synthesis.pages.sheet import Sheet
from demiglace.typography.line_samples import ALPHABET

pytestmark = pytest.mark.usefixtures("training_faces", "installed_prose")

KINDS = pytest.mark.parametrize("kind", [article, table, form, receipt], ids=lambda kind: kind.__name__)


def drawn(kind, seed):
    rng, sheet = np.random.default_rng(seed), Sheet()
    kind(rng, sheet, 12.0)
    return sheet.page("page", rng)


def test_a_page_is_a_function_of_its_numbers():
    first, again, other = (render_layout(np.random.default_rng(seed)) for seed in (2, 2, 3))
    assert np.array_equal(first.picture, again.picture)
    assert first.lines[0].text == again.lines[0].text
    assert [line.text for line in first.lines] != [line.text for line in other.lines]


@KINDS
def test_ink_lies_where_the_characters_are(kind):
    for seed in range(3):
        page = drawn(kind, seed)
        height, width, _ = page.picture.shape
        paper = np.median(page.picture.reshape(-1, 3), axis=0)
        contrast = np.abs(page.picture - paper).max(axis=2)
        for line in page.lines:
            left, top, right, bottom = line.box
            assert 0 <= left < right <= width
            assert 0 <= top < bottom <= height
            assert len(line.characters) == len(line.text)
            assert set(line.text) <= set(ALPHABET)
            assert contrast[int(top) : int(bottom) + 1, int(left) : int(right) + 1].max() > 40, line.text


@KINDS
def test_blocks_tile_the_lines_and_do_not_overlap(kind):
    page = drawn(kind, 4)
    assert [number for block in page.blocks for number in block] == list(range(len(page.lines)))
    covered = np.zeros(page.picture.shape[:2], np.int32)
    for line in page.lines:
        left, top, right, bottom = (round(side) for side in line.box)
        covered[top + 1 : bottom - 1, left + 1 : right - 1] += 1
    assert covered.max() == 1
