"""Text layers in files of their own: hOCR, ALTO XML, PAGE XML, and JSON of boxes -> words in lines in blocks.

The files are taken as hostile: they are bounded in size and depth, and XML that declares a document type is refused,
so that no entity is ever expanded.
"""

from __future__ import annotations

import json
import re
from typing import Any
from xml.etree import ElementTree

from demiglace.data.hocr import parse_hocr
from demiglace.data.layer_words import MAX_DEPTH, Layer, Word, box_of, frozen, number_of, require_one_page
from demiglace.data.pages import Box


def parse_layer(data: bytes) -> Layer:
    """The layer in a file of any of the four formats, told apart by what it holds; ValueError where it is none."""
    start = data.lstrip(b"\xef\xbb\xbf \t\r\n")[:4096]
    if start[:1] in (b"{", b"["):
        return _parse_json(data)
    if re.search(rb"<html|<!doctype\s+html|class=.ocr", start, re.IGNORECASE):
        return parse_hocr(data)
    root = _parse_xml(data)
    if _local(root) == "alto":
        return _parse_alto(root)
    if _local(root) == "PcGts":
        return _parse_page_xml(root)
    raise ValueError(f"holds <{_local(root)}>, which is neither hOCR, ALTO nor PAGE")


def _parse_alto(root: ElementTree.Element) -> Layer:
    pages = root.findall(".//{*}Page")
    require_one_page(len(pages))
    size = (number_of(pages[0].get("WIDTH", "0")), number_of(pages[0].get("HEIGHT", "0")))
    unit = root.findtext(".//{*}MeasurementUnit", "pixel").strip()
    if not all(size) and unit != "pixel":
        raise ValueError(f"measures in {unit} and does not say how large the page is")
    blocks = [
        [_alto_line(line) for line in block.iterfind("{*}TextLine")] for block in pages[0].iterfind(".//{*}TextBlock")
    ]
    return Layer(size if all(size) else None, frozen(blocks))


def _alto_line(line: ElementTree.Element) -> list[Word]:
    words: list[Word] = []
    for piece in line:
        text = " ".join(piece.get("CONTENT", "").split())
        if _local(piece) == "String" and text:
            glyphs = tuple((glyph.get("CONTENT", ""), _alto_box(glyph)) for glyph in piece.iterfind("{*}Glyph"))
            words.append(Word(text, _alto_box(piece), glyphs, number_of(piece.get("WC", "1"))))
        elif _local(piece) == "HYP" and words:
            words[-1] = Word(words[-1].text + (text or "-"), words[-1].box, (), words[-1].confidence)
    return words


def _alto_box(piece: ElementTree.Element) -> Box:
    left, top, width, height = box_of(piece.get(name) for name in ("HPOS", "VPOS", "WIDTH", "HEIGHT"))
    return left, top, left + width, top + height


def _parse_page_xml(root: ElementTree.Element) -> Layer:
    pages = root.findall("{*}Page")
    require_one_page(len(pages))
    order = {each.get("regionRef"): n for n, each in enumerate(pages[0].iterfind("{*}ReadingOrder//*[@regionRef]"))}
    regions = sorted(pages[0].iterfind(".//{*}TextRegion"), key=lambda region: order.get(region.get("id"), len(order)))
    blocks = [[_page_line(line) for line in region.iterfind("{*}TextLine")] for region in regions]
    size = (number_of(pages[0].get("imageWidth", "0")), number_of(pages[0].get("imageHeight", "0")))
    return Layer(size if all(size) else None, frozen(blocks))


def _page_line(line: ElementTree.Element) -> list[Word]:
    words = [word for each in line.iterfind("{*}Word") if (word := _page_word(each)).text]
    return words or [word for word in [_page_word(line)] if word.text]


def _page_word(element: ElementTree.Element) -> Word:
    glyphs = tuple((_page_text(each), _page_box(each)) for each in element.iterfind("{*}Glyph"))
    said = element.find("{*}TextEquiv")
    return Word(
        _page_text(element), _page_box(element), glyphs, number_of("1" if said is None else said.get("conf", "1"))
    )


def _page_text(element: ElementTree.Element) -> str:
    return " ".join(element.findtext("{*}TextEquiv/{*}Unicode", "").split())


def _page_box(element: ElementTree.Element) -> Box:
    coords = element.find("{*}Coords")
    if coords is None:
        raise ValueError(f"has a {_local(element)} without Coords")
    points = [pair.split(",") for pair in coords.get("points", "").split()]
    points = points or [[each.get("x", ""), each.get("y", "")] for each in coords.iterfind("{*}Point")]
    if not points or any(len(pair) != 2 for pair in points):
        raise ValueError(f"has a {_local(element)} whose Coords are no points")
    xs, ys = [number_of(x) for x, _ in points], [number_of(y) for _, y in points]
    return min(xs), min(ys), max(xs), max(ys)


def _parse_json(data: bytes) -> Layer:
    """{"width", "height", "lines" or "words": [{"text", "box", "characters"?, "block"?}]}; a bare list is of words."""
    try:
        content = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"is not readable as JSON: {error}") from error
    fields = content if isinstance(content, dict) else {"words": content}
    grouped = "lines" in fields
    entries = fields.get("lines", fields.get("words"))
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ValueError('has no list of objects under "lines" or "words"')
    blocks: dict[Any, list[list[Word]]] = {}
    for number, entry in enumerate(entries):
        block = entry.get("block") if grouped else number
        blocks.setdefault(json.dumps(block), []).append([_json_word(entry)])
    size = (number_of(fields.get("width", 0)), number_of(fields.get("height", 0)))
    return Layer(size if all(size) else None, frozen(blocks.values()), grouped)


def _json_word(entry: dict[str, Any]) -> Word:
    text, boxes = entry.get("text"), entry.get("characters") or []
    if not isinstance(text, str):
        raise ValueError(f"has an entry whose text is {type(text).__name__}, not a string")
    text = " ".join(text.split())
    if not isinstance(boxes, list) or (boxes and len(boxes) != len(text)):
        raise ValueError(f"has {len(text)} characters in {text[:40]!r}, and not as many boxes for them")
    glyphs = tuple((character, box_of(box)) for character, box in zip(text, boxes, strict=False))
    return Word(text, box_of(entry.get("box")), glyphs, number_of(entry.get("confidence", 1)))


class _Plain(ElementTree.TreeBuilder):
    """Builds a tree of bounded depth from XML without a document type."""

    def __init__(self) -> None:
        super().__init__()
        self._depth = 0

    def doctype(self, name: str, *_: str | None) -> None:
        raise ValueError(f"declares a document type ({name}), which is refused")

    def start(self, tag: Any, attrs: dict[Any, Any], /) -> ElementTree.Element:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ValueError(f"is nested more than {MAX_DEPTH} deep")
        return super().start(tag, attrs)

    def end(self, tag: Any, /) -> ElementTree.Element:
        self._depth -= 1
        return super().end(tag)


def _parse_xml(data: bytes) -> ElementTree.Element:
    try:
        return ElementTree.fromstring(data, ElementTree.XMLParser(target=_Plain()))
    except ElementTree.ParseError as error:
        raise ValueError(f"is not readable as XML: {error}") from error


def _local(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]
