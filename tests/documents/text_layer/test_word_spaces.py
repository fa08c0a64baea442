"""Spaces between words where letters are set apart, so that pdfium adds more."""

import pytest
from pdf_writer import show, write_pdf

from demiglace.documents.page import Page
from demiglace.documents.text_layer.pdf_pages import read_pdf

SEEN = show("seen", 20, 200)


@pytest.fixture
def read(tmp_path):
    """The first page of a PDF of the given sheets."""
    return lambda *sheets: next(read_pdf(write_pdf(tmp_path / "made.pdf", *sheets)))


def texts(page: Page) -> list[str]:
    return [line.text for line in page.lines]


def test_words_spaced_out_are_left_out(read):
    """Which of the spaces between letters are between words is not known, so no text would be the right one."""
    spaced = "".join(show(letter, 20 + 9 * n, 250, size=10) for n, letter in enumerate("SPACED"))
    page = read("4 Tc\n" + show("spaced words", 20, 220) + "0 Tc\n" + spaced + SEEN)
    assert (texts(page), page.dropped) == (["seen"], {"letters apart": 17})
    assert texts(read("1 Tc\n" + show("a bit wider", 20, 250))) == ["a bit wider"]
    assert texts(read(show("I B M and A B C", 20, 250))) == ["I B M and A B C"]


@pytest.mark.parametrize("gap", [0.0, 0.08, 0.12, 0.15, 0.2, 0.25, 0.35])
def test_words_spaced_out_by_places_are_read_right_or_left_out(read, gap):
    """Where letters are placed one by one, pdfium adds spaces if they are far enough apart."""
    words, left, letters = "the annual report of 12 members", 10.0, ""
    for letter in words:
        letters += "" if letter == " " else show(letter, left, 250, "Mono", 10)
        left += 6 + 10 * gap
    page = read(letters + SEEN)
    assert texts(page) in ([words, "seen"], [words, "seen"] if gap < 0.1 else ["seen"])
