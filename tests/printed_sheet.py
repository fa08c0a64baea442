"""A sheet of paper to print lines on, and the lines that are found on it."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from demiglace.documents.segmentation.line_crops import Box, CutRegion, CuttingConfig

WHOLE_LINES = CuttingConfig(most_letters=200)
TEXT = "the quick brown fox jumps over a lazy dog while many grey geese fly home before dark"
WORDS = TEXT.split()


class Sheet:
    """A page that remembers where its lines stand."""

    def __init__(self, width: int = 900, height: int = 700, paper: str = "white") -> None:
        self.picture = Image.new("RGB", (width, height), paper)
        self.draw = ImageDraw.Draw(self.picture)
        self.boxes: list[Box] = []

    def write(self, x: float, y: float, text: str, size: int = 20, ink: str = "black") -> None:
        font = ImageFont.load_default(size)
        self.draw.text((x, y), text, ink, font)
        self.boxes.append(self.draw.textbbox((x, y), text, font))

    def fill(self, x: float, y: float, lines: int, words: int = 6, size: int = 20) -> None:
        for number in range(lines):
            chosen = [WORDS[(number * words + i) % len(WORDS)] for i in range(words)]
            self.write(x, y + number * 1.5 * size, " ".join(chosen), size)


def line_boxes(regions: list[CutRegion]) -> list[Box]:
    return [line.box for region in regions for line in region.lines]


def covers(box: Box, other: Box, slack: float = 2) -> bool:
    return all(np.sign([-1, -1, 1, 1]) * (np.subtract(box, other)) >= -slack)


def assert_lines(regions: list[CutRegion], expected: list[Box], room: float = 0.7) -> None:
    """The very lines expected, in that order, each with little around it."""
    found = line_boxes(regions)
    assert len(found) == len(expected)
    for box, wanted in zip(found, expected, strict=True):
        assert covers(box, wanted)
        assert box[3] - box[1] <= (wanted[3] - wanted[1]) * (1 + 2 * room)
