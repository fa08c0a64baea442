"""A sheet becomes a page of what fits on it, and the picture of a page is cut to what is printed."""

import numpy as np

from demiglace.documents.page import Page
from demiglace.synthesis.pages import sheet as sheets
from demiglace.synthesis.pages.sheet import Sheet, printed
from demiglace.typography.rendering import render_block
from demiglace.typography.typesetting import TextStyle


def test_what_stands_below_the_longest_page_is_left_out(face, monkeypatch):
    monkeypatch.setattr(sheets, "MOST_PIXELS", 40_000)
    sheet, block = Sheet(), render_block(["Line"], face, TextStyle(cap_height=12))
    top = 0
    for _ in range(200):
        top = sheet.put(block, 0, top)
    page = sheet.page("long", np.random.default_rng(0))
    assert 0 < len(page.lines) < 200
    assert page.picture.shape[0] * page.picture.shape[1] <= 40_000


def test_a_picture_is_cut_to_its_ink():
    page = Page("page", np.full((100, 100, 3), 230, np.uint8), (), (), {})
    page.picture[40:60, 30:70] = 20
    picture = printed(page, np.random.default_rng(0))
    assert (np.asarray(picture) == 20).all(axis=2).sum() == 20 * 40
    assert 40 + 6 <= picture.width <= 40 + 18
    assert 20 + 6 <= picture.height <= 20 + 18
