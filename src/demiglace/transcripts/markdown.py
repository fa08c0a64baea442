"""A page that was read as Markdown: paragraphs, and tables where the cells of rows stand in columns.

Only what was read is written: no headings, lists or emphasis, and characters that would make some are escaped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise

from demiglace.inference.read_page import ReadLine, ReadPage, ReadRegion
from demiglace.transcripts.upright import upright

_Span = tuple[float, float]  # left and right

_MARKS = re.compile(r"[\\`*_\[\]<>|~&]")
_LINE_STARTS = re.compile(r"^(?:([#+=-])|(\d{1,9})([.)](?:\s|$)))", re.MULTILINE)
_BREAK = "\\\n"


def page_markdown(page: ReadPage) -> str:
    """The regions in reading order, with an empty line between them; "" for an empty page."""
    return "\n\n".join(block for region in upright(page).regions for block in _blocks(region))


def escaped(text: str) -> str:
    """Lines of text, with a backslash before whatever Markdown would take for more than a character."""
    marked = _MARKS.sub(lambda mark: "\\" + mark[0], text)
    return _LINE_STARTS.sub(lambda start: f"\\{start[1]}" if start[1] else f"{start[2]}\\{start[3]}", marked)


def _blocks(region: ReadRegion) -> Iterator[str]:
    columns = _columns(region.lines)
    for is_table, group in groupby(region.lines, key=lambda line: _cell_places(line, columns) is not None):
        lines = list(group)
        if is_table and sum(len(_cells(line)) > 1 for line in lines) > 1:
            yield _table(lines, columns)
        else:
            yield _paragraph(lines)


def _cells(line: ReadLine) -> list[tuple[str, _Span]]:
    """The cells of a row from left to right, each with its text and where it begins and ends."""
    cells = []
    for _, group in groupby(line.words, key=lambda word: word.cell):
        words = list(group)
        span = min(word.box[0] for word in words), max(word.box[2] for word in words)
        cells.append((" ".join(word.text for word in words), span))
    return cells


def _columns(lines: Sequence[ReadLine]) -> list[_Span]:
    """Where the columns of a table begin and end, from left to right; none where two cells of a row would share one."""
    rows = [[span for _, span in cells] for line in lines if len(cells := _cells(line)) > 1]
    columns: list[_Span] = []
    for left, right in sorted(span for row in rows for span in row):
        if columns and left < columns[-1][1]:
            columns[-1] = columns[-1][0], max(right, columns[-1][1])
        else:
            columns.append((left, right))
    are_apart = all(len(row) == len({_place(span, columns) for span in row}) for row in rows)
    return columns if are_apart else []


def _place(span: _Span, columns: Sequence[_Span]) -> int | None:
    """The number of the only column that a cell shares a part of; None if there is no such column, or several."""
    shared = [number for number, (left, right) in enumerate(columns) if span[0] < right and left < span[1]]
    return shared[0] if len(shared) == 1 else None


def _cell_places(line: ReadLine, columns: Sequence[_Span]) -> list[int] | None:
    """The column of each cell; None if the line is not a row of the table."""
    places = [_place(span, columns) for _, span in _cells(line)]
    known = [place for place in places if place is not None]
    return known if len(known) == len(places) else None


def _table(lines: Sequence[ReadLine], columns: Sequence[_Span]) -> str:
    """A table whose head is empty, since which rows are headings is not known."""
    rows = [[""] * len(columns), ["---"] * len(columns)]
    for line in lines:
        row = [""] * len(columns)
        for place, (text, _) in zip(_cell_places(line, columns) or (), _cells(line), strict=True):
            row[place] = _MARKS.sub(lambda mark: "\\" + mark[0], text)
        rows.append(row)
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _paragraph(lines: Sequence[ReadLine]) -> str:
    """Lines, with a break after each that leaves room for the first word of the next one, and after rows of cells."""
    right = max(line.box[2] for line in lines)
    text = escaped(lines[0].text)
    for line, following in pairwise(lines):
        first = following.words[0].box
        has_room = right - line.box[2] > first[2] - first[0] + first[3] - first[1]
        is_row = max(word.cell for word in (*line.words, *following.words)) > 0
        text += (_BREAK if has_room or is_row else "\n") + escaped(following.text)
    return text
