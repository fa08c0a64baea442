"""A sheet of paper on which blocks are printed at pixel positions; it becomes a page."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageChops

from demiglace.documents.page import Line, Page, hull
from demiglace.typography.fonts import Face, training_faces
from demiglace.typography.ink_colours import random_colours
from demiglace.typography.rendering import Rendered, render_block
from demiglace.typography.typesetting import Alignment, TextStyle

MOST_PIXELS = 6_000_000  # of a page; text below its end is left out


class Sheet:
    """A growing sheet of paper: blocks are printed at pixel positions, in reading order."""

    def __init__(self) -> None:
        self.printed: list[tuple[Rendered, int, int]] = []
        self.rules: list[tuple[int, int, int, int]] = []

    def put(self, block: Rendered, left: float, top: float) -> int:
        """Print a block and return its lower border, where the next one may begin."""
        self.printed.append((block, round(left), round(top)))
        return round(top) + block.picture.shape[0]

    def rule(self, left: float, top: float, right: float, bottom: float) -> None:
        """Fill a box with ink; a thin box is a rule."""
        x, y = round(left), round(top)
        self.rules.append((x, y, max(round(right), x + 1), max(round(bottom), y + 1)))

    def page(self, name: str, rng: np.random.Generator) -> Page:
        """The sheet with a margin around it, in random colours of ink and paper."""
        corners = [(left + block.picture.shape[1], top + block.picture.shape[0]) for block, left, top in self.printed]
        corners += [(right, bottom) for _, _, right, bottom in self.rules]
        margin = round(float(rng.uniform(15, 120)))
        width, height = np.max(corners, axis=0) + 2 * margin
        mask = np.zeros((min(int(height), MOST_PIXELS // int(width)), int(width)), np.uint8)
        for left, top, right, bottom in self.rules:
            mask[margin + top : margin + bottom, margin + left : margin + right] = 255
        lines: list[Line] = []
        blocks: list[range] = []
        for block, left, top in self.printed:
            x, y = left + margin, top + margin
            if y + block.picture.shape[0] > len(mask):
                continue
            area = mask[y : y + block.picture.shape[0], x : x + block.picture.shape[1]]
            np.maximum(area, 255 - block.picture, out=area)
            moved = _lines(block, np.array([x, y, x, y], np.float32))
            blocks.append(range(len(lines), len(lines) + len(moved)))
            lines += moved
        return Page(name, _inked(mask, rng), tuple(lines), tuple(blocks), {})


def set_block(
    lines: Sequence[str], face: Face, cap: float, pitch: float = 2.0, alignment: Alignment = "left"
) -> Rendered:
    """Black on white, without margins; empty lines are dropped."""
    style = TextStyle(cap_height=cap, crisp=False, pitch=pitch, alignment=alignment, margins=(0, 0, 0, 0))
    return render_block([line.strip() for line in lines if line.strip()] or ["-"], face, style)


def print_field(sheet: Sheet, block: Rendered, left: float, top: float) -> float:
    """Print a block and return its right border."""
    sheet.put(block, left, top)
    return left + block.picture.shape[1]


def sister_face(rng: np.random.Generator, face: Face) -> Face:
    """A random face of the same family: another weight or slope, or the same face."""
    family = [other for other in training_faces() if other.family == face.family]
    return family[int(rng.integers(len(family)))]


def _lines(block: Rendered, shift: np.ndarray) -> list[Line]:
    """The block's lines at their positions on the page."""
    lines = []
    for number, text in enumerate(block.text.split("\n")):
        characters = block.boxes[block.line_of == number] + shift
        lines.append(Line(text, hull(characters), characters))
    return lines


def _inked(mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """uint8 (height, width, 3): a mask of ink in random colours of ink and paper."""
    ink, paper = (np.array(colour, float) for colour in random_colours(rng))
    shades = (paper + (ink - paper) * np.linspace(0, 1, 256)[:, None]).round().astype(np.uint8)
    return shades[mask]


def printed(page: Page, rng: np.random.Generator) -> Image.Image:
    """The page's picture, cropped to the print and a narrow margin of paper."""
    picture = Image.fromarray(page.picture)
    box = ImageChops.difference(picture, Image.new("RGB", picture.size, picture.getpixel((0, 0)))).getbbox()
    assert box is not None
    left, top, right, bottom = np.add(box, np.array([-1, -1, 1, 1]) * rng.integers(3, 10, 4)).tolist()
    return picture.crop((max(0, left), max(0, top), min(picture.width, right), min(picture.height, bottom)))


CAPS_OF_A_SIDE = 18  # side of a picture, in cap heights
