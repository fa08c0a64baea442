"""hOCR: HTML whose classes and titles tell pages, blocks, lines, words and characters with their boxes."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from demiglace.data.layer_words import MAX_DEPTH, Layer, Word, box_of, frozen, number_of, require_one_page
from demiglace.data.pages import Box

_NUMBER = r"\s+(-?[\d.]+)"
_BOX = re.compile(r"(?:^|[;\s])(?:bbox|x_bboxes)" + 4 * _NUMBER)
_CONFIDENCE = re.compile(r"(?:^|[;\s])x_wconf" + _NUMBER)
_ROLES = {
    "page": {"ocr_page"},
    "block": {"ocr_carea", "ocr_par"},
    "line": {"ocr_line", "ocrx_line", "ocr_header", "ocr_footer", "ocr_caption", "ocr_textfloat"},
    "word": {"ocrx_word", "ocr_word"},
    "glyph": {"ocrx_cinfo", "ocr_cinfo"},
}
_VOID = frozenset({"br", "hr", "img", "meta", "link", "input", "area", "base", "col", "wbr"})  # never closed in HTML


def parse_hocr(data: bytes) -> Layer:
    """The words of the one page in `data`; ValueError where it is malformed or has several."""
    parser = _Parser()
    parser.feed(data.decode("utf-8", errors="replace"))
    parser.close()
    require_one_page(len(parser.pages))
    left, top, right, bottom = parser.pages[0]
    if left or top:
        raise ValueError(f"has a page that begins at {left:g}, {top:g} instead of 0, 0")
    return Layer((right, bottom), frozen(parser.blocks))


class _Parser(HTMLParser):
    """Collects words as elements of known classes open and close."""

    def __init__(self) -> None:
        super().__init__()
        self.pages: list[Box] = []
        self.blocks: list[list[list[Word]]] = [[]]
        self._open: list[tuple[str, str, str]] = []  # tag, role, title
        self._text: list[str] = []
        self._glyphs: list[tuple[str, Box]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _VOID:
            return
        if len(self._open) >= MAX_DEPTH:
            raise ValueError(f"is nested more than {MAX_DEPTH} deep")
        given = {name: value or "" for name, value in attrs}
        classes = set(given.get("class", "").split())
        role = next((role for role, names in _ROLES.items() if classes & names), "")
        self._open.append((tag, role, given.get("title", "")))
        self._begin(role, given.get("title", ""))

    def handle_data(self, data: str) -> None:
        self._text.append(data)
        if self._open and self._open[-1][1] == "glyph" and data.strip():
            self._glyphs.append((data.strip(), _title_box(self._open[-1][2])))

    def handle_endtag(self, tag: str) -> None:
        if not any(opened == tag for opened, _, _ in self._open):
            return
        opened = ""
        while opened != tag:
            opened, role, title = self._open.pop()
            if role in ("word", "line"):
                self._end(role, title)

    def _begin(self, role: str, title: str) -> None:
        if role == "page":
            self.pages.append(_title_box(title))
        elif role == "block":
            self.blocks.append([])
        elif role == "line":
            self.blocks[-1].append([])
        if role in ("line", "word"):
            self._text, self._glyphs = [], []

    def _end(self, role: str, title: str) -> None:
        """A line's own text counts only where it has no words."""
        text = " ".join("".join(self._text).split())
        if not self.blocks[-1]:
            self.blocks[-1].append([])
        line = self.blocks[-1][-1]
        if text and not (role == "line" and line):
            confidence = _CONFIDENCE.search(title)
            certainty = number_of(confidence[1]) / 100 if confidence else 1.0
            line.append(Word(text, _title_box(title), tuple(self._glyphs), certainty))


def _title_box(title: str) -> Box:
    match = _BOX.search(title)
    if match is None:
        raise ValueError(f"has no bbox in {title[:60]!r}")
    return box_of(match.groups())
