"""Pages that were read as hOCR 1.2: XHTML with the boxes of paragraphs, lines and words (kba.github.io/hocr-spec).

Boxes are in pixels of the upright page. `x_wconf` of a word is the confidence, in percent, of the crop it was read in;
of a line, that of the line. `textangle` is that of a page that lay on its side or upside down.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from xml.sax.saxutils import escape, quoteattr

from demiglace import __version__
from demiglace.documents.page import Box, around
from demiglace.inference.read_page import ReadLine, ReadPage, ReadRegion

HEAD = f"""<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml">
<head>
<title></title>
<meta http-equiv="Content-Type" content="text/html; charset=utf-8"/>
<meta name="ocr-system" content="demiglace {__version__}"/>
<meta name="ocr-capabilities" content="ocr_page ocr_par ocr_line ocrx_word ocrp_wconf"/>
</head>
<body>
"""
FOOT = "</body>\n</html>\n"

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def hocr_page(page: ReadPage, file: str, number: int, place: int) -> str:
    """A page between `HEAD` and `FOOT`: page `number` of `file`, the one at `place`, from 1, of the whole document."""
    pixels = f"bbox 0 0 {page.width} {page.height}"
    image = file.replace("\\", "\\\\").replace('"', '\\"')
    title = f'image "{image}"; {pixels}; ppageno {number - 1}'
    paragraphs = (line for n, region in enumerate(page.regions, 1) for line in _paragraph(region, page, f"{place}_{n}"))
    return "\n".join([f"<div class='ocr_page' id='page_{place}' title={_attribute(title)}>", *paragraphs, "</div>\n"])


def _paragraph(region: ReadRegion, page: ReadPage, name: str) -> Iterator[str]:
    yield f"<p class='ocr_par' id='par_{name}' title='{_bbox([region.box], page)}'>"
    for number, line in enumerate(region.lines, 1):
        yield f"<span class='ocr_line' id='line_{name}_{number}' title='{_line_title(line, page)}'>"
        for place, word in enumerate(line.words, 1):
            title = f"{_bbox([word.box], page)}; x_wconf {_percent(word.confidence)}"
            yield f"<span class='ocrx_word' id='word_{name}_{number}_{place}' title='{title}'>{_text(word.text)}</span>"
        yield "</span>"
    yield "</p>"


def _line_title(line: ReadLine, page: ReadPage) -> str:
    angle = f"; textangle {page.turn}" if page.turn else ""
    box = _bbox([line.box, *(word.box for word in line.words)], page)
    return f"{box}{angle}; x_wconf {_percent(line.confidence)}"


def _bbox(boxes: Iterable[Box], page: ReadPage) -> str:
    """The smallest box of whole pixels on the page around some boxes."""
    left, top, right, bottom = around(boxes)
    corner = f"{max(0, math.floor(left))} {max(0, math.floor(top))}"
    return f"bbox {corner} {min(page.width, math.ceil(right))} {min(page.height, math.ceil(bottom))}"


def _percent(confidence: float) -> int:
    return round(100 * confidence)


def _text(text: str) -> str:
    return escape(_NOT_XML.sub("\ufffd", text))


def _attribute(text: str) -> str:
    return quoteattr(_NOT_XML.sub("\ufffd", text))
