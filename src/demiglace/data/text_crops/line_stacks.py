"""Short lines one below the other in one picture, at the same letter height, each on its own paper."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import numpy as np
from PIL import Image

from demiglace.typography.rendering import Rendered

MOST_LINES = 3  # ours


def stack_lines(lines: Sequence[Rendered]) -> Rendered:
    """The lines one below the other, enlarged so that their character boxes are as high as the highest."""
    heights = [float(np.median(line.boxes[:, 3] - line.boxes[:, 1])) for line in lines]
    pictures = [
        _enlarged(Image.fromarray(line.picture).convert("RGB"), max(heights) / height)
        for line, height in zip(lines, heights, strict=True)
    ]
    bottoms = list(accumulate(picture.height for picture in pictures))
    stack = Image.new("RGB", (max(picture.width for picture in pictures), bottoms[-1]))
    boxes = []
    for line, picture, bottom in zip(lines, pictures, bottoms, strict=True):
        top = bottom - picture.height
        stack.paste(_paper(picture), (0, top, stack.width, bottom))
        stack.paste(picture, (0, top))
        height, width = line.picture.shape[:2]
        boxes.append(line.boxes * np.tile([picture.width / width, picture.height / height], 2) + [0, top, 0, top])
    line_of = np.repeat(np.arange(len(lines)), [len(line.boxes) for line in lines])
    text = "\n".join(line.text for line in lines)
    return Rendered(np.asarray(stack), text, np.concatenate(boxes).astype(np.float32), line_of)


def _enlarged(picture: Image.Image, factor: float) -> Image.Image:
    size = max(1, round(picture.width * factor)), max(1, round(picture.height * factor))
    return picture.resize(size, Image.Resampling.BICUBIC) if size != picture.size else picture


def _paper(picture: Image.Image) -> tuple[int, ...]:
    """The most common colour of the border, which has little ink."""
    pixels = np.asarray(picture)
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    return tuple(int(level) for level in np.median(border, axis=0))
