"""Text layers in separate files: hOCR, ALTO XML, PAGE XML, and JSON with boxes -> words in lines in blocks.

The files are untrusted: they are bounded in size and depth, and XML that declares a document type is refused, so that
no declared entity is ever expanded. hOCR may name the document type of HTML, which is not fetched.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from html.entities import entitydefs
from typing import Any
from xml.etree import ElementTree

from demiglace.documents.page import Box

MAX_DEPTH = 100  # of elements within elements

_NUMBER = r"\s+(-?[\d.]+)"
_HOCR_BOX = re.compile(r"(?:^|[;\s])(?:bbox|x_bboxes)" + 4 * _NUMBER)
_HOCR_ANGLE = re.compile(r"(?:^|[;\s])textangle" + _NUMBER)
_MOST_ANGLE = 5.0  # degrees; a line of more lies on its side or upside down
_HOCR_CONFIDENCE = re.compile(r"(?:^|[;\s])x_wconf" + _NUMBER)
_HOCR_CLASSES = {
    "page": {"ocr_page"},
    "block": {"ocr_carea", "ocr_par"},
    "line": {"ocr_line", "ocrx_line", "ocr_header", "ocr_footer", "ocr_caption", "ocr_textfloat"},
    "word": {"ocrx_word", "ocr_word"},
    "glyph": {"ocrx_cinfo", "ocr_cinfo"},
}
_QUOTED = rb"""\s+(?:"[^"]*"|'[^']*')"""
_HTML_DOCTYPE = re.compile(  # a DOCTYPE that only names a document type and declares nothing itself
    rb"\s*(?:<\?xml[^>]*\?>)?\s*<!DOCTYPE\s+html(?:\s+(?:PUBLIC|SYSTEM))?(?:" + _QUOTED + rb"){0,2}\s*>", re.IGNORECASE
)


@dataclass(frozen=True)
class Word:
    """A word, or a whole line if the layer has no words; `glyphs` are its letters with their boxes, if known.

    confidence is that of the program that recognised it, 0 to 1. `rotated`: it does not run from left to right.
    """

    text: str
    box: Box
    glyphs: tuple[tuple[str, Box], ...] = ()
    confidence: float = 1.0
    rotated: bool = False


@dataclass(frozen=True)
class TextLayer:
    """Blocks of lines of words; boxes are relative to the top left of a page of `size` (width, height).

    size is None if boxes are in pixels of the picture. `grouped` is False if the words come without lines: each word
    then is a line and a block by itself.
    """

    size: tuple[float, float] | None
    blocks: tuple[tuple[tuple[Word, ...], ...], ...]
    grouped: bool = True


def parse_layer(data: bytes) -> TextLayer:
    """The layer in a file of any of the four formats, detected from its contents; ValueError if it is none of them."""
    data = data.removeprefix(b"\xef\xbb\xbf")
    if data.lstrip()[:1] in (b"{", b"["):
        return _parse_json(data)
    root = _parse_xml(data)
    formats = {"html": _parse_hocr, "alto": _parse_alto, "PcGts": _parse_page_xml}
    if _local(root) not in formats:
        raise ValueError(f"holds <{_local(root)}>, which is neither hOCR, ALTO nor PAGE")
    return formats[_local(root)](root)


def _parse_hocr(root: ElementTree.Element) -> TextLayer:
    pages = [element for element in root.iter() if _is_hocr(element, "page")]
    _require_one_page(len(pages))
    left, top, right, bottom = _hocr_box(pages[0])
    if left or top:
        raise ValueError(f"has a page that begins at {left:g}, {top:g} instead of 0, 0")
    if right <= 0 or bottom <= 0:
        raise ValueError(f"has a page of {right:g} x {bottom:g}")
    blocks: list[list[list[Word]]] = [[]]
    for element in pages[0].iter():
        if _is_hocr(element, "block"):
            blocks.append([])
        elif _is_hocr(element, "line"):
            words = [_hocr_word(word) for word in element.iter() if _is_hocr(word, "word")] or [_hocr_word(element)]
            angle = _HOCR_ANGLE.search(element.get("title", ""))
            rotated = angle is not None and abs(_number_of(angle[1])) > _MOST_ANGLE
            blocks[-1].append([replace(word, rotated=rotated) for word in words if word.text])
    return TextLayer((right, bottom), _frozen(blocks))


def _hocr_word(element: ElementTree.Element) -> Word:
    glyphs = tuple((_hocr_text(glyph), _hocr_box(glyph)) for glyph in element.iter() if _is_hocr(glyph, "glyph"))
    confidence = _HOCR_CONFIDENCE.search(element.get("title", ""))
    certainty = _number_of(confidence[1]) / 100 if confidence else 1.0
    return Word(_hocr_text(element), _hocr_box(element), glyphs, certainty)


def _hocr_text(element: ElementTree.Element) -> str:
    return " ".join("".join(element.itertext()).split())


def _hocr_box(element: ElementTree.Element) -> Box:
    match = _HOCR_BOX.search(element.get("title", ""))
    if match is None:
        raise ValueError(f"has no bbox in {element.get('title', '')[:60]!r}")
    return _box_of(match.groups())


def _is_hocr(element: ElementTree.Element, role: str) -> bool:
    return not _HOCR_CLASSES[role].isdisjoint(element.get("class", "").split())


def _parse_alto(root: ElementTree.Element) -> TextLayer:
    pages = root.findall(".//{*}Page")
    _require_one_page(len(pages))
    size = (_number_of(pages[0].get("WIDTH", "0")), _number_of(pages[0].get("HEIGHT", "0")))
    unit = root.findtext(".//{*}MeasurementUnit", "pixel").strip()
    if not all(size) and unit != "pixel":
        raise ValueError(f"measures in {unit} and does not say how large the page is")
    blocks = [
        [_alto_line(line) for line in block.iterfind("{*}TextLine")] for block in pages[0].iterfind(".//{*}TextBlock")
    ]
    return TextLayer(size if all(size) else None, _frozen(blocks))


def _alto_line(line: ElementTree.Element) -> list[Word]:
    words: list[Word] = []
    for piece in line:
        text = " ".join(piece.get("CONTENT", "").split())
        if _local(piece) == "String" and text:
            glyphs = tuple((glyph.get("CONTENT", ""), _alto_box(glyph)) for glyph in piece.iterfind("{*}Glyph"))
            words.append(Word(text, _alto_box(piece), glyphs, _number_of(piece.get("WC", "1"))))
        elif _local(piece) == "HYP" and words:
            words[-1] = Word(words[-1].text + (text or "-"), words[-1].box, (), words[-1].confidence)
    return words


def _alto_box(piece: ElementTree.Element) -> Box:
    left, top, width, height = _box_of(piece.get(name) for name in ("HPOS", "VPOS", "WIDTH", "HEIGHT"))
    return left, top, left + width, top + height


def _parse_page_xml(root: ElementTree.Element) -> TextLayer:
    pages = root.findall("{*}Page")
    _require_one_page(len(pages))
    order = {each.get("regionRef"): n for n, each in enumerate(pages[0].iterfind("{*}ReadingOrder//*[@regionRef]"))}
    regions = sorted(pages[0].iterfind(".//{*}TextRegion"), key=lambda region: order.get(region.get("id"), len(order)))
    blocks = [[_page_line(line) for line in region.iterfind("{*}TextLine")] for region in regions]
    size = (_number_of(pages[0].get("imageWidth", "0")), _number_of(pages[0].get("imageHeight", "0")))
    return TextLayer(size if all(size) else None, _frozen(blocks))


def _page_line(line: ElementTree.Element) -> list[Word]:
    words = [word for each in line.iterfind("{*}Word") if (word := _page_word(each)).text]
    return words or [word for word in [_page_word(line)] if word.text]


def _page_word(element: ElementTree.Element) -> Word:
    glyphs = tuple((_page_text(each), _page_box(each)) for each in element.iterfind("{*}Glyph"))
    equivalent = element.find("{*}TextEquiv")
    return Word(
        _page_text(element),
        _page_box(element),
        glyphs,
        _number_of("1" if equivalent is None else equivalent.get("conf", "1")),
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
    xs, ys = [_number_of(x) for x, _ in points], [_number_of(y) for _, y in points]
    return min(xs), min(ys), max(xs), max(ys)


def _parse_json(data: bytes) -> TextLayer:
    """{"width", "height", "lines" or "words": [{"text", "box", "characters"?, "block"?}]}, or a bare list of words."""
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
    size = (_number_of(fields.get("width", 0)), _number_of(fields.get("height", 0)))
    return TextLayer(size if all(size) else None, _frozen(blocks.values()), grouped)


def _json_word(entry: dict[str, Any]) -> Word:
    text, boxes = entry.get("text"), entry.get("characters") or []
    if not isinstance(text, str):
        raise ValueError(f"has an entry whose text is {type(text).__name__}, not a string")
    text = " ".join(text.split())
    if not isinstance(boxes, list) or (boxes and len(boxes) != len(text)):
        raise ValueError(f"has {len(text)} characters in {text[:40]!r}, and not as many boxes for them")
    glyphs = tuple((character, _box_of(box)) for character, box in zip(text, boxes, strict=False))
    return Word(text, _box_of(entry.get("box")), glyphs, _number_of(entry.get("confidence", 1)))


class _Plain(ElementTree.TreeBuilder):
    """Builds a tree of bounded depth from XML without declarations."""

    def __init__(self, has_plain_doctype: bool) -> None:
        super().__init__()
        self._has_plain_doctype = has_plain_doctype
        self._depth = 0

    def doctype(self, name: str, *_: str | None) -> None:
        if not self._has_plain_doctype:
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
    parser = ElementTree.XMLParser(target=_Plain(_HTML_DOCTYPE.match(data) is not None))
    parser.entity.update(entitydefs)  # HTML entities such as &nbsp;
    try:
        return ElementTree.fromstring(data, parser)
    except (ElementTree.ParseError, LookupError) as error:  # not well-formed; of an unknown encoding
        raise ValueError(f"is not readable as XML: {error}") from error


def _local(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _frozen(blocks: Iterable[list[list[Word]]]) -> tuple[tuple[tuple[Word, ...], ...], ...]:
    """The blocks as tuples, without lines and blocks that have no word."""
    return tuple(lines for block in blocks if (lines := tuple(tuple(line) for line in block if line)))


def _require_one_page(count: int) -> None:
    """ValueError unless `count` is 1: a layer belongs to one picture."""
    if count != 1:
        raise ValueError(f"holds {count} pages instead of 1")


def _box_of(values: Any) -> Box:
    """Four numbers; ValueError otherwise."""
    numbers = [_number_of(value) for value in values] if isinstance(values, Iterable) else []
    if len(numbers) != 4:
        raise ValueError(f"has a box of {len(numbers)} numbers instead of 4")
    return numbers[0], numbers[1], numbers[2], numbers[3]


def _number_of(value: Any) -> float:
    """The value in a file as a number of reasonable size; ValueError otherwise."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not abs(number) < 1e9:
        raise ValueError(f"has {str(value)[:40]!r} where a number belongs")
    return number
