from printed_sheet import WHOLE_LINES, WORDS, Sheet, assert_lines, covers

from demiglace.documents.segmentation.line_crops import cut_page


def test_columns_under_a_heading_are_read_one_after_the_other() -> None:
    sheet = Sheet()
    sheet.write(60, 30, "A heading over both columns of it", 40)
    sheet.fill(60, 120, lines=12)
    sheet.fill(480, 120, lines=12)
    sheet.write(60, 600, "and a line under both that bridges the gap between the two columns", 20)
    assert_lines(cut_page(sheet.picture, WHOLE_LINES), sheet.boxes)


def test_rows_of_a_table_are_read_across() -> None:
    sheet = Sheet()
    rows = [("Bread and butter", "2.40"), ("Coffee, large", "3.10"), ("Cake", "4.25"), ("Total", "9.75")]
    for number, (what, price) in enumerate(rows):
        sheet.write(60, 60 + 30 * number, what)
        sheet.write(600, 60 + 30 * number, price)
    lines = [line for region in cut_page(sheet.picture, WHOLE_LINES) for line in region.lines]
    assert [len(line.pieces) for line in lines] == [2, 2, 2, 2]
    pieces = [piece.box for line in lines for piece in line.pieces]
    assert all(covers(box, wanted) for box, wanted in zip(pieces, sheet.boxes, strict=True))


def test_a_table_with_some_wide_cells_is_read_across() -> None:
    sheet = Sheet(height=900)
    for number in range(24):
        y = 40 + 30 * number
        sheet.write(40, y, f"Operating income of {WORDS[number % len(WORDS)]}")
        if number % 8 == 0:
            sheet.write(480, y, "estimates of this and the next year")
        else:
            for column in range(4):
                sheet.write(480 + 100 * column, y, f"{37 * number + column}.{column}")
    lines = [line for region in cut_page(sheet.picture, WHOLE_LINES) for line in region.lines]
    assert [len(line.pieces) for line in lines] == [2 if number % 8 == 0 else 5 for number in range(24)]


def test_rows_of_a_table_stay_whole_below_two_addresses() -> None:
    sheet = Sheet(height=900)
    for left in (60, 600):
        sheet.fill(left, 40, lines=4, words=3)
    rows = [("1", "White paper", "12", "4.20"), ("2", "Pens", "40", "0.65"), ("3", "Ring binders", "16", "3.90")]
    for number, row in enumerate(rows):
        for left, cell in zip((60, 120, 600, 750), row, strict=True):
            sheet.write(left, 240 + 40 * number, cell)
    lines = [line for region in cut_page(sheet.picture, WHOLE_LINES) for line in region.lines]
    assert [len(line.pieces) for line in lines] == [1] * 8 + [4] * 3
