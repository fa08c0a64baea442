"""Cells of a table, closer to each other than columns of text are, parted by what is drawn between them."""

import pytest
from pdf_writer import show, write_pdf

from demiglace.documents.text_layer.pdf_pages import read_pdf

# Two columns of three rows, 3 points apart: as close as words.
ROWS = [("Bertram Miller", "San Jose"), ("Annabel Miller", "New York"), ("Carlotta Smith", "Rome")]
LEFT, RIGHT, TOP, PITCH = 20, 101, 250, 16
BOTTOM, HIGH = TOP - 2 * PITCH - 4, TOP + 12
TABLE = "".join(
    show(text, x, TOP - PITCH * row)
    for row, texts in enumerate(ROWS)
    for text, x in zip(texts, (LEFT, RIGHT), strict=True)
)


def rule(x: float, bottom: float = BOTTOM, top: float = HIGH) -> str:
    return f"0.75 w {x} {bottom} m {x} {top} l S\n"


def frame(left: float, right: float, bottom: float, top: float) -> str:
    return f"0.75 w {left} {bottom} {right - left} {top - bottom} re S\n"


CELLS = "".join(
    frame(left, right, TOP - PITCH * row - 3.5, TOP - PITCH * row + 11.5)
    for row in range(3)
    for left, right in ((17, 98.5), (100, 170))
)


@pytest.fixture
def texts(tmp_path):
    """Lines of a page, and what was left out of it."""

    def read(content: str) -> tuple[list[str], dict[str, int]]:
        page = next(read_pdf(write_pdf(tmp_path / "made.pdf", content)))
        return [line.text for line in page.lines], dict(page.dropped)

    return read


@pytest.mark.parametrize(
    "drawn",
    [rule(99.5), CELLS, f"0.7 g 99.5 {BOTTOM} 80 {HIGH - BOTTOM} re f 0 g\n"],
    ids=["rule", "a frame for each cell", "ground of a column"],
)
def test_cells_are_parted_by_what_is_drawn(texts, drawn):
    assert texts(drawn + TABLE) == ([texts[column] for column in (0, 1) for texts in ROWS], {})


def test_cells_without_a_rule_are_one_line(texts):
    assert texts(TABLE) == ([" ".join(row) for row in ROWS], {})


@pytest.mark.parametrize(
    "drawn",
    [
        rule(17),
        frame(57.5, 99.5, TOP - 3, TOP + 10),
        rule(99.5, TOP + 1, TOP + 40),
        f"0.75 w 17 {TOP + 3} m 180 {TOP + 3} l S\n",
    ],
    ids=["at the side", "around a word", "above the baseline", "across"],
)
def test_what_is_drawn_elsewhere_parts_nothing(texts, drawn):
    assert texts(drawn + TABLE) == ([" ".join(row) for row in ROWS], {})
