"""Pages as a printer sets them: a title, columns of paragraphs with headings between them, the number of the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from demiglace.typography.corpus import passage
from demiglace.typography.fonts import Face
from demiglace.typography.rendering import MAX_PIXELS, Rendered, render_block
from demiglace.typography.typesetting import TextStyle, set_lines

WIDTH, HEIGHT = 1240, 1754  # A4 at 150 dpi
MARGIN, GUTTER = 100, 50
CAP_HEIGHTS = (10.0, 15.0)  # of running text, in pixels: about 7 to 11 point
MOST_COLUMNS = 3


class Page:
    """A white sheet on which blocks are printed in reading order."""

    def __init__(self) -> None:
        self.picture = np.full((HEIGHT, WIDTH), 255, np.uint8)
        self.blocks: list[Rendered] = []

    def put(self, block: Rendered, left: int, top: int) -> None:
        height, width = block.picture.shape
        self.picture[top : top + height, left : left + width] = block.picture
        self.blocks.append(replace(block, boxes=block.boxes + np.array([left, top, left, top], np.float32)))

    def finished(self) -> Rendered:
        text = "\n".join(block.text for block in self.blocks)
        lengths = [len(line) for line in text.split("\n")]
        boxes = np.concatenate([block.boxes for block in self.blocks])
        return Rendered(self.picture, text, boxes, np.repeat(np.arange(len(lengths)), lengths))


def render_page(rng: np.random.Generator, faces: Sequence[Face]) -> Rendered:
    """A page of 1 to 3 columns in one of `faces`, its lines in reading order; ValueError where there is no prose."""
    face = faces[rng.integers(len(faces))]
    body = TextStyle(
        cap_height=float(rng.uniform(*CAP_HEIGHTS)),
        alignment="justified" if rng.random() < 0.5 else "left",
        pitch=float(rng.uniform(1.9, 2.3)),
        margins=(0, 0, 0, 0),
    )
    heading = replace(body, cap_height=1.3 * body.cap_height, alignment="left")
    title = replace(heading, cap_height=2 * body.cap_height)
    num_columns = int(rng.integers(1, MOST_COLUMNS + 1))
    column = (WIDTH - 2 * MARGIN - (num_columns - 1) * GUTTER) // num_columns
    page = Page()
    top = _put(page, _lines(rng, face, title, WIDTH - 2 * MARGIN, 1), face, title, MARGIN, MARGIN)
    for i in range(num_columns):
        _fill(page, rng, face, (body, heading), MARGIN + i * (column + GUTTER), top, column)
    number = render_block([str(rng.integers(1, 400))], face, body)
    page.put(number, (WIDTH - number.picture.shape[1]) // 2, HEIGHT - MARGIN)
    return page.finished()


def _fill(
    page: Page,
    rng: np.random.Generator,
    face: Face,
    looks: tuple[TextStyle, TextStyle],
    left: int,
    top: int,
    width: int,
) -> None:
    """Paragraphs, and before some of them a heading, from `top` down to the foot of the page."""
    body, heading = looks
    pitch = body.pitch * body.cap_height
    while (room := int((HEIGHT - MARGIN - 3 * body.cap_height - top) / pitch)) > 2:
        if room > 6 and rng.random() < 0.2:
            top = _put(page, _lines(rng, face, heading, width, 1), face, heading, left, top)
        most = min(room - 2, int(MAX_PIXELS / (width * pitch)) - 1)
        top = _put(page, _lines(rng, face, body, width, int(rng.integers(1, most + 1))), face, body, left, top)


def _put(page: Page, lines: list[str], face: Face, look: TextStyle, left: int, top: int) -> int:
    """Print the lines, and return where the next block begins."""
    block = render_block(lines, face, look)
    page.put(block, left, top)
    return top + block.picture.shape[0] + round(look.pitch * look.cap_height * 0.6)


def _lines(rng: np.random.Generator, face: Face, look: TextStyle, width: int, count: int) -> list[str]:
    """`count` lines of prose, none wider than `width` pixels."""
    words = passage(rng, round(count * width / look.cap_height)).split()  # a character is about a cap height wide
    lines = [""]
    for word in words:
        joined = f"{lines[-1]} {word}".strip()
        if _width(joined, face, look) <= width:
            lines[-1] = joined
        elif len(lines) == count:
            break
        elif _width(word, face, look) <= width:
            lines.append(word)
    return [line for line in lines if line]


def _width(line: str, face: Face, look: TextStyle) -> int:
    return set_lines([line], face, look).size[0]
