"""Tables in a text, in HTML or Markdown, as trees: a table of rows of cells.

Head, body and foot are not distinguished, and a header cell is an ordinary cell: a page does not show the difference.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Literal

from demiglace.scoring.families.tree_distance import Tree
from demiglace.scoring.text_distance import single_spaced

_RULE = re.compile(r"\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?")
_BAR = re.compile(r"(?<!\\)\|")


@dataclass(frozen=True)
class Part:
    """A table, row or cell; a cell with the rows and columns it spans, and its text, single-spaced."""

    kind: Literal["table", "row", "cell"]
    rows: int = 1
    columns: int = 1
    text: str = ""


TableTree = Tree[Part]


def tables(text: str) -> list[TableTree]:
    """All tables in a text, those in HTML first; a table inside a cell is text of the cell."""
    reader = _Reader()
    reader.feed(text)
    reader.close()
    return [_tree(rows) for rows in (*reader.tables, *_markdown_tables(text)) if rows]


def _tree(rows: list[list[Part]]) -> TableTree:
    return Tree.of(Part("table"), [Tree.of(Part("row"), [Tree.of(cell) for cell in row]) for row in rows])


class _Reader(HTMLParser):
    """Collects the rows of all outer tables; an unclosed tag is closed when the next of its kind opens."""

    def __init__(self) -> None:
        super().__init__()
        self.tables: list[list[list[Part]]] = []
        self._depth = 0
        self._spans: tuple[int, int] | None = None
        self._said: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self._depth += 1
            if self._depth == 1:
                self.tables.append([])
        elif self._depth == 1 and tag in ("tr", "td", "th"):
            self._end_cell()
            if tag == "tr" or not self.tables[-1]:
                self.tables[-1].append([])
            if tag != "tr":
                named = dict(attrs)
                self._spans = _span(named.get("rowspan")), _span(named.get("colspan"))
        elif tag == "br":
            self._said.append(" ")

    def handle_endtag(self, tag: str) -> None:
        if self._depth == 1 and tag in ("tr", "td", "th", "table"):
            self._end_cell()
        if tag == "table" and self._depth:
            self._depth -= 1

    def handle_data(self, data: str) -> None:
        if self._spans:
            self._said.append(data)

    def close(self) -> None:
        super().close()
        if self.tables:
            self._end_cell()

    def _end_cell(self) -> None:
        if self._spans:
            self.tables[-1][-1].append(Part("cell", *self._spans, single_spaced("".join(self._said))))
        self._spans, self._said = None, []


def _span(written: str | None) -> int:
    digits = (written or "").strip()
    return max(1, int(digits)) if digits.isascii() and digits.isdigit() and len(digits) < 5 else 1


def _markdown_tables(text: str) -> Iterator[list[list[Part]]]:
    """Tables from lines with bars, of which the second is a separator line."""
    lines = [line.strip() for line in text.splitlines()]
    number = 1
    while number < len(lines):
        if "|" in lines[number - 1] and "-" in lines[number] and _RULE.fullmatch(lines[number]):
            end = next((place for place in range(number + 1, len(lines)) if "|" not in lines[place]), len(lines))
            yield [_cells(line) for line in (lines[number - 1], *lines[number + 1 : end])]
            number = end
        number += 1


def _cells(line: str) -> list[Part]:
    inside = line.removeprefix("|")
    inside = inside[:-1] if inside.endswith("|") and not inside.endswith("\\|") else inside
    return [Part("cell", text=single_spaced(cell.replace("\\|", "|"))) for cell in _BAR.split(inside)]
