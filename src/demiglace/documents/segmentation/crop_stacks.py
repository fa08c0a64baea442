"""Short line crops one under another in one picture.

A slice costs the same whatever it shows, so a slice that shows a price alone is dear. Lines of one stack have the same
letter height.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from PIL import Image

from demiglace.documents.segmentation.line_crops import Box, LineCrop

MOST_LINES = 3  # of a stack; as many lines the training images of the nano model have


@dataclass(frozen=True)
class CropStack:
    """Crops by their numbers in the list they come from, from the top; one alone is its own picture.

    letters: about how many all of them hold.
    """

    numbers: tuple[int, ...]
    letters: float
    picture: Image.Image


def stack_crops(crops: Sequence[LineCrop], most_letters: int, most_lines: int = MOST_LINES) -> list[CropStack]:
    """All crops, the widest first. The lines of a stack times the letters of its widest are at most `most_letters`,
    so that its letters are shown no smaller than those of a line of so many."""
    order = sorted(range(len(crops)), key=lambda number: crops[number].letters, reverse=True)
    stacks = []
    while order:
        fitting = int(most_letters / max(1.0, crops[order[0]].letters))
        count = max(1, min(most_lines, fitting))
        numbers, order = tuple(order[:count]), order[count:]
        held = [crops[number] for number in numbers]
        whole, _ = stacked([crop.picture for crop in held], [crop.letter_height for crop in held])
        stacks.append(CropStack(numbers, sum(crop.letters for crop in held), whole))
    return stacks


def stacked(pictures: Sequence[Image.Image], letter_heights: Sequence[float]) -> tuple[Image.Image, list[Box]]:
    """RGB pictures one under another, enlarged so that their letters are as high as the highest, and where each lies.

    letter_heights: in pixels of each. A picture alone is itself.
    """
    highest = max(letter_heights)
    lines = [_enlarged(one, highest / height) for one, height in zip(pictures, letter_heights, strict=True)]
    bottoms = list(accumulate(line.height for line in lines))
    boxes = [
        (0.0, float(bottom - line.height), float(line.width), float(bottom))
        for line, bottom in zip(lines, bottoms, strict=True)
    ]
    if len(lines) == 1:
        return lines[0], boxes
    stack = Image.new("RGB", (max(line.width for line in lines), bottoms[-1]))
    for line, bottom in zip(lines, bottoms, strict=True):
        top = bottom - line.height
        stack.paste(_paper(line), (0, top, stack.width, bottom))
        stack.paste(line, (0, top))
    return stack, boxes


def _enlarged(picture: Image.Image, factor: float) -> Image.Image:
    size = max(1, round(picture.width * factor)), max(1, round(picture.height * factor))
    return picture.resize(size, Image.Resampling.BICUBIC) if size != picture.size else picture


def _paper(picture: Image.Image) -> tuple[int, ...]:
    """The usual colour of the border, which is free of ink."""
    pixels = np.asarray(picture)
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    return tuple(int(level) for level in np.median(border, axis=0))
