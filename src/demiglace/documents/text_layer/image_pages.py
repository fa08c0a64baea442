"""Pictures of pages, each with a text layer in a file beside it -> pages with their text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from os import PathLike
from pathlib import Path

import numpy as np

from demiglace.documents.page import Box, Line, Page, hull, line_of, page_of
from demiglace.documents.segmentation.glyph_lines import block_parts, find_blocks, find_lines, wide_gaps
from demiglace.documents.text_layer.glyph_checks import BESIDE, OVERLAPPING, doubtful_letters, outside
from demiglace.documents.text_layer.layer_files import TextLayer, Word, parse_layer
from demiglace.documents.text_layer.pdf_glyphs import LEAST_CONTRAST, MAX_CHARACTERS
from demiglace.media.pictures import local_file, open_picture, read_bytes

SUFFIXES = (".hocr", ".html", ".alto.xml", ".page.xml", ".xml", ".json")
MAX_LAYER_BYTES = 2**24
LEAST_CONFIDENCE = 0.6

_EM = 1.2  # in heights of a word's box, which is tight around its letters
_MOST_COVER = 4  # limit on the total area of all word boxes, in areas of the page

_Words = tuple[Word, ...]


def read_image_page(picture_path: str | PathLike[str]) -> Page:
    """The page in a picture, with the text layer from the file beside it with the same stem and one of `SUFFIXES`.

    Formats are hOCR, ALTO XML, PAGE XML, and JSON: {"width", "height", "lines": [{"text", "box", "characters",
    "block", "confidence"}]}, where everything except text and box is optional. With "words" instead of "lines", or a
    bare list of words, words are grouped into lines and blocks by position. Boxes are left, top, right, bottom. A
    word's box is divided among its letters if the layer has no boxes for them. A line is left out, and counted in
    `Page.dropped`, if one of its words is outside the picture, has an empty box, no contrast under it, characters that
    cannot be read off a page, or a confidence below `LEAST_CONFIDENCE`, if two words overlap, or if hOCR says that
    it is rotated.

    Raises ValueError if the picture cannot be read, there is no layer beside it, or the layer is too large,
    malformed, or of a page of other proportions.
    """
    path = Path(picture_path)
    picture = np.array(open_picture(path))
    beside = [found for suffix in SUFFIXES if (found := path.with_suffix(suffix)).is_file()]
    if not beside:
        raise ValueError(f"{path} has no text layer beside it: {path.stem} with {', '.join(SUFFIXES)}")
    try:
        layer = parse_layer(read_bytes(local_file(beside[0], MAX_LAYER_BYTES)))
        return _page(path.name, picture, _scaled(layer, picture))
    except ValueError as error:
        raise ValueError(f"{beside[0]} {error}") from error


def _page(name: str, picture: np.ndarray, layer: TextLayer) -> Page:
    rows, blocks = _arranged(layer)
    dropped: Counter[str] = Counter()
    lines: list[Line | None] = []
    for row in rows:
        doubts = _doubts(row, picture)
        for word, doubt in zip(row, doubts, strict=True):
            if doubt:
                dropped[doubt] += len(word.text.replace(" ", ""))
        lines.append(None if any(doubts) else _line(row, picture))
    return page_of(name, picture, lines, blocks, dropped)


def _scaled(layer: TextLayer, picture: np.ndarray) -> TextLayer:
    """The layer with its boxes in pixels of the picture."""
    height, width = picture.shape[:2]
    page_width, page_height = layer.size or (width, height)
    x_scale, y_scale = width / page_width, height / page_height
    if not (x_scale > 0 and y_scale > 0 and 0.97 < x_scale / y_scale < 1.03):
        raise ValueError(f"is of a page of {page_width:g} x {page_height:g}, the picture has {width} x {height}")

    def scaled(box: Box) -> Box:
        return box[0] * x_scale, box[1] * y_scale, box[2] * x_scale, box[3] * y_scale

    def word(old: Word) -> Word:
        return replace(old, box=scaled(old.box), glyphs=tuple((text, scaled(box)) for text, box in old.glyphs))

    blocks = tuple(tuple(tuple(map(word, line)) for line in block) for block in layer.blocks)
    _check_amount([word for block in blocks for line in block for word in line], width * height)
    return TextLayer(None, blocks, layer.grouped)


def _check_amount(words: list[Word], pixels: int) -> None:
    count = sum(len(word.text) for word in words)
    if count > MAX_CHARACTERS:
        raise ValueError(f"has {count} characters, more than the {MAX_CHARACTERS} taken")
    areas = [max(0.0, right - left) * max(0.0, bottom - top) for left, top, right, bottom in (w.box for w in words)]
    if sum(areas) > _MOST_COVER * pixels:
        raise ValueError(f"has boxes that cover the page {sum(areas) / pixels:.0f} times, more than {_MOST_COVER}")


def _arranged(layer: TextLayer) -> tuple[list[_Words], list[list[int]]]:
    """Lines, split at wide gaps, and the numbers of the lines in each block, in reading order.

    A block of the layer is split where its hull would cover a line of another, as those of PDFs are.
    """
    if not layer.grouped:
        return _found_by_place([word for block in layer.blocks for line in block for word in line])
    rows: list[_Words] = []
    blocks: list[list[int]] = []
    for block in layer.blocks:
        parts = [part for line in block for part in _parted(line)]
        blocks.append(list(range(len(rows), len(rows) + len(parts))))
        rows.extend(parts)
    boxes = _boxes([hull(_boxes(row)) for row in rows])
    return rows, [part for block in blocks if block for part in block_parts(block, boxes)]


def _found_by_place(words: list[Word]) -> tuple[list[_Words], list[list[int]]]:
    boxes = _boxes(words)
    ems = _EM * np.maximum(boxes[:, 3] - boxes[:, 1], np.median(boxes[:, 3] - boxes[:, 1]) if words else 0)
    numbers = find_lines(boxes[:, [0, 2]], boxes[:, 3], ems)
    hulls = _boxes([hull(boxes[line]) for line in numbers])
    blocks = find_blocks(hulls, hulls[:, 3], np.array([ems[line].max() for line in numbers]))
    return [tuple(words[number] for number in line) for line in numbers], blocks


def _parted(line: _Words) -> list[_Words]:
    boxes = _boxes(line)
    if (np.diff(boxes[:, 0]) < 0).any():  # not from left to right: rejected later as overlapping
        return [line]
    cuts = [0, *wide_gaps(boxes[:, [0, 2]], _EM * float((boxes[:, 3] - boxes[:, 1]).max())), len(line)]
    return [line[start:stop] for start, stop in pairwise(cuts)]


def _doubts(line: _Words, picture: np.ndarray) -> list[str]:
    """The reason why each word is dropped; "" for all of them if the line can be trusted."""
    reasons = [_doubt(word, picture) for word in line]
    if any(reasons):
        return [reason or BESIDE for reason in reasons]
    boxes = _boxes(line)
    shared = boxes[:-1, 2] - boxes[1:, 0]
    widths = boxes[:, 2] - boxes[:, 0]
    overlaps = (shared > np.minimum(widths[:-1], widths[1:]) / 2).any()
    return [OVERLAPPING if overlaps else ""] * len(line)


def _doubt(word: Word, picture: np.ndarray) -> str:
    left, top, right, bottom = word.box
    if word.rotated:
        return "rotated"
    if outside(_boxes([word]), picture.shape).any():
        return "outside"
    if right - left < 1 or bottom - top < 1:
        return "empty box"
    if reason := doubtful_letters(word.text):
        return reason
    if word.confidence < LEAST_CONFIDENCE:
        return "low confidence"
    under = picture[max(0, int(top)) : int(bottom) + 1, max(0, int(left)) : int(right) + 1]
    contrast = int((under.max((0, 1)).astype(int) - under.min((0, 1))).max())
    return "no contrast" if contrast < LEAST_CONTRAST else ""


def _line(words: _Words, picture: np.ndarray) -> Line:
    height, width = picture.shape[:2]
    pieces: list[tuple[str, float, float]] = []
    for word in words:
        if pieces:
            pieces.append((" ", pieces[-1][2], max(pieces[-1][2], word.box[0])))
        known = "".join(text for text, _ in word.glyphs) == word.text
        pieces.extend((text, box[0], box[2]) for text, box in (word.glyphs if known else [(word.text, word.box)]))
    left, top, right, bottom = hull(_boxes(words))
    box = max(left, 0.0), max(top, 0.0), min(right, float(width)), min(bottom, float(height))
    return line_of([(text, max(start, box[0]), min(stop, box[2])) for text, start, stop in pieces], box)


def _boxes(items: Sequence[Word] | Sequence[Box]) -> np.ndarray:
    return np.array([item.box if isinstance(item, Word) else item for item in items], dtype=np.float64).reshape(-1, 4)
