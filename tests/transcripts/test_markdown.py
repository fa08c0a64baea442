"""Markdown of what was read: what it shows is what was read, and nothing more."""

import pytest
from read_pages import line, page, region

from demiglace.transcripts.markdown import escaped, page_markdown


def test_regions_are_paragraphs() -> None:
    first = region(line(20, (10, "One line that is as wide as the others")), line(44, (10, "and the second line")))
    assert page_markdown(page(first, region(line(200, (10, "Below"))))) == (
        "One line that is as wide as the others\nand the second line\n\nBelow"
    )
    assert page_markdown(page()) == ""


def test_a_line_with_room_for_the_next_word_ends_there() -> None:
    address = region(
        line(20, (10, "Mary Brown")), line(44, (10, "12 Long Meadow Lane, Ashford")), line(68, (10, "Kent"))
    )
    assert page_markdown(page(address)) == "Mary Brown\\\n12 Long Meadow Lane, Ashford\nKent"


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_rows_whose_cells_stand_in_columns_are_a_table(turn: int) -> None:
    table = region(
        line(20, (10, "Item"), (200, "Count"), (400, "Price")),
        line(44, (10, "Red apples"), (220, "2"), (400, "3.00")),
        line(68, (10, "and pears")),
        line(92, (10, "A|B"), (400, "12.50")),
    )
    assert page_markdown(page(table, turn=turn)).splitlines() == [
        "|  |  |  |",
        "| --- | --- | --- |",
        "| Item | Count | Price |",
        "| Red apples | 2 | 3.00 |",
        "| and pears |  |  |",
        "| A\\|B |  | 12.50 |",
    ]


def test_what_spans_columns_is_beside_the_table() -> None:
    rows = [line(44, (10, "Apples"), (400, "3.00")), line(68, (10, "Pears"), (400, "12.50"))]
    written = page_markdown(page(region(line(20, (10, "All the fruit that was sold in the month of May")), *rows)))
    assert written.startswith("All the fruit that was sold in the month of May\n\n|  |  |\n")
    assert written.endswith("| Pears | 12.50 |")


@pytest.mark.parametrize(
    "rows",
    [
        [[(10, "Left"), (300, "right")]],  # a single row
        [[(10, "Left"), (300, "right")], [(10, "A cell that reaches far into another"), (400, "the next")]],
    ],
)
def test_rows_without_columns_stay_lines(rows: list[list[tuple[int, str]]]) -> None:
    lines = [line(20 + 24 * number, *row) for number, row in enumerate(rows)]
    assert page_markdown(page(region(*lines))) == "\\\n".join(one.text for one in lines)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# 12 Main Street", "\\# 12 Main Street"),
        ("- 5 degrees", "\\- 5 degrees"),
        ("3. Results", "3\\. Results"),
        ("1990. A year", "1990\\. A year"),
        ("3.5 litres", "3.5 litres"),
        ("====", "\\===="),
        ("> a_b * [c] <d> `e` & ~f", "\\> a\\_b \\* \\[c\\] \\<d\\> \\`e\\` \\& \\~f"),
        ("one\n- two", "one\n\\- two"),
    ],
)
def test_marks_of_markdown_are_characters(text: str, expected: str) -> None:
    assert escaped(text) == expected
