"""A page of five words in each of the formats that text layers come in."""

import json
from pathlib import Path

import numpy as np

WIDTH, HEIGHT = 300, 120
# Two lines of two words, then a block of one; boxes are painted black.
WORDS = {
    "Two": (20, 10, 50, 22),
    "words": (56, 10, 100, 22),
    "and": (20, 28, 44, 40),
    "more,": (50, 28, 92, 42),
    "apart": (20, 80, 64, 92),
}
LINES = [["Two", "words"], ["and", "more,"], ["apart"]]
BLOCKS = [LINES[:2], LINES[2:]]


def hull(words: list[str]) -> tuple[int, ...]:
    boxes = np.array([WORDS[word] for word in words])
    return (*boxes[:, :2].min(0), *boxes[:, 2:].max(0))


def hocr(scale: int = 1, changes: dict[str, str] | None = None) -> str:
    def title(box) -> str:
        return "bbox " + " ".join(str(scale * edge) for edge in box)

    def word(text: str) -> str:
        said = (changes or {}).get(text, text)
        return f"<span class='ocrx_word' title='{title(WORDS[text])}; x_wconf 90'><em>{said}</em></span>"

    def line(words: list[str]) -> str:
        return f"<span class='ocr_line' title='{title(hull(words))}; baseline 0 0'>{' '.join(map(word, words))}</span>"

    blocks = "".join(f"<p class='ocr_par'>{''.join(map(line, block))}</p>" for block in BLOCKS)
    return (
        "<!DOCTYPE html PUBLIC '-//W3C//DTD XHTML 1.0//EN' 'x.dtd'><html><head><meta charset='utf-8'/></head><body>"
        f"<div class='ocr_page' title='image \"page.png\"; {title((0, 0, WIDTH, HEIGHT))}'>{blocks}</div></body></html>"
    )


def alto(scale: int = 1, page: str = 'WIDTH="{}" HEIGHT="{}"') -> str:
    def word(text: str) -> str:
        left, top, right, bottom = (scale * edge for edge in WORDS[text])
        return f'<String CONTENT="{text}" HPOS="{left}" VPOS="{top}" WIDTH="{right - left}" HEIGHT="{bottom - top}"/>'

    def line(words: list[str]) -> str:
        return f"<TextLine>{'<SP/>'.join(map(word, words))}</TextLine>"

    blocks = "".join(f"<TextBlock>{''.join(map(line, block))}</TextBlock>" for block in BLOCKS)
    size = page.format(scale * WIDTH, scale * HEIGHT)
    return (
        '<?xml version="1.0"?><alto xmlns="http://www.loc.gov/standards/alto/ns-v3#"><Description><MeasurementUnit>'
        f"mm10</MeasurementUnit></Description><Layout><Page {size}><PrintSpace>{blocks}</PrintSpace></Page></Layout>"
        "</alto>"
    )


def points(box) -> str:
    left, top, right, bottom = box
    return f'<Coords points="{left},{top} {right},{top} {right},{bottom} {left},{bottom}"/>'


def page_xml(with_words: bool = True) -> str:
    def said(text: str) -> str:
        return f"<TextEquiv><Unicode>{text}</Unicode></TextEquiv>"

    def line(words: list[str]) -> str:
        inner = "".join(f"<Word>{points(WORDS[word])}{said(word)}</Word>" for word in words) if with_words else ""
        return f"<TextLine>{points(hull(words))}{inner}{said(' '.join(words))}</TextLine>"

    first, second = ("".join(map(line, block)) for block in BLOCKS)
    return (
        '<PcGts xmlns="http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15">'
        f'<Page imageWidth="{WIDTH}" imageHeight="{HEIGHT}"><ReadingOrder><OrderedGroup>'
        '<RegionRefIndexed index="0" regionRef="a"/><RegionRefIndexed index="1" regionRef="b"/></OrderedGroup>'
        f'</ReadingOrder><TextRegion id="b">{second}</TextRegion><TextRegion id="a">{first}</TextRegion></Page></PcGts>'
    )


def json_lines() -> str:
    lines = [
        {"text": " ".join(words), "box": [int(edge) for edge in hull(words)], "block": number}
        for number, block in enumerate(BLOCKS)
        for words in block
    ]
    return json.dumps({"width": WIDTH, "height": HEIGHT, "lines": lines})


def json_words(entries: dict | None = None, **more) -> str:
    return json.dumps([{"text": text, "box": box, **more} for text, box in (entries or WORDS).items()])


def lay(picture: Path, layer: str, suffix: str = ".json") -> Path:
    picture.with_suffix(suffix).write_text(layer)
    return picture
