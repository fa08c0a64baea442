import numpy as np
from printed_sheet import WHOLE_LINES, Sheet, assert_lines

from demiglace.documents.segmentation.line_crops import cut_page
from demiglace.documents.segmentation.text_lines import find_stretches


def test_a_mark_over_several_lines_takes_none_of_them_away() -> None:
    """Such as the corner of a picture beside the text: it continues lines that begin with a tall letter."""
    tops = np.arange(100, 260, 22)
    letters = [(left, top, left + 8, top + 10) for top in tops for left in range(110, 600, 10)]
    capitals = [(100, top - 4, 108, top + 10) for top in tops]
    corner = (12, tops[2] - 4, 62, tops[4] + 8)
    stretches = find_stretches(np.array([*letters, *capitals, corner], float), 10.0)
    for top in tops:
        assert max((stretch.letters[:, 1] == top).sum() for stretch in stretches) >= 48


def test_dashes_and_equals_signs_belong_to_their_lines() -> None:
    """With the spaces around it such a sign is wider than the gap that ends a line."""
    sheet = Sheet()
    for number in range(9):
        y, size = 60 + 40 * number, 22
        sheet.write(60, y, "the mill and" if number % 3 else "a", size)
        _, top, right, bottom = sheet.boxes.pop()
        middle = y + 0.65 * size
        for level in (middle,) if number % 3 else (middle - 4, middle + 4):
            sheet.draw.rectangle((right + 7, level - 1, right + 25, level), "black")
        sheet.write(right + 34, y, "what came after the war", size)
        sheet.boxes[-1] = 60, top, sheet.boxes[-1][2], bottom
    regions = cut_page(sheet.picture, WHOLE_LINES)
    assert_lines(regions, sheet.boxes)
    assert [len(line.pieces) for region in regions for line in region.lines] == [1] * 9


def test_a_dash_for_nothing_is_a_cell() -> None:
    sheet = Sheet()
    rows = [("Sales", "1,204", "1,117"), ("Other income", "-", "12"), ("Tax", "37", "-"), ("Interest", "14", "31")]
    for number, row in enumerate(rows):
        for left, cell in zip((60, 400, 600), row, strict=True):
            sheet.write(left, 60 + 40 * number, cell, 22)
    lines = [line for region in cut_page(sheet.picture, WHOLE_LINES) for line in region.lines]
    assert [len(line.pieces) for line in lines] == [3, 3, 3, 3]


def test_a_dashed_rule_is_no_print() -> None:
    sheet = Sheet()
    sheet.fill(60, 60, lines=5)
    for left in range(60, 840, 24):
        sheet.draw.rectangle((left, 230, left + 12, 232), "black")
    sheet.fill(60, 260, lines=5)
    assert_lines(cut_page(sheet.picture, WHOLE_LINES), sheet.boxes)


def test_a_dash_makes_no_line_of_small_print_higher() -> None:
    letters = [(left, 100, left + 8, 110) for left in (100, 110, 130, 140)]
    dash = (120, 104, 127, 106)
    (line,) = find_stretches(np.array([*letters, dash], float), 18.0)
    assert line.box == (100, 100, 148, 110)


def test_a_dashed_rule_is_no_part_of_a_line_that_it_ends_at() -> None:
    letters = [(left, 100, left + 8, 110) for left in range(300, 400, 10)]
    rule = [(left, 104, left + 6, 106) for left in range(100, 300, 10)]
    (line,) = find_stretches(np.array([*letters, *rule], float), 10.0)
    assert line.box[0] >= 290
