"""Pages as if they had been read: lines of words with boxes, on a picture with a black box for each word."""

import numpy as np
import PIL.Image

from demiglace.inference.page_turn import turned_back
from demiglace.inference.read_page import ReadLine, ReadPage, ReadRegion, ReadWord

WIDTH, HEIGHT = 600, 400
LETTER, TALL = 10, 16  # pixels: width and height

Cells = list[tuple[int, str]]  # where each begins, and its text


def line(top: int, *cells: tuple[int, str], confidence: float = 0.9) -> ReadLine:
    words = []
    for number, (left, text) in enumerate(cells):
        for word in text.split():
            right = left + LETTER * len(word)
            words.append(ReadWord(word, (left, top, right, top + TALL), confidence, number))
            left = right + LETTER
    left, right = words[0].box[0], words[-1].box[2]
    box = left - 4.0, top - 4.0, right + 4.0, top + TALL + 4.0
    return ReadLine(" ".join(text for _, text in cells), box, confidence, tuple(words))


def region(*lines: ReadLine) -> ReadRegion:
    lefts, tops, rights, bottoms = zip(*(one.box for one in lines), strict=True)
    box = min(lefts), min(tops), max(rights), max(bottoms)
    return ReadRegion("\n".join(one.text for one in lines), box, 0.9, lines)


def page(*regions: ReadRegion, turn: int = 0) -> ReadPage:
    """The page as it was given: one that has to be turned by `turn` degrees to be read as the regions say."""
    width, height = (HEIGHT, WIDTH) if turn in (90, 270) else (WIDTH, HEIGHT)

    def back(box):
        return turned_back(box, turn, width, height)

    def given(one: ReadLine) -> ReadLine:
        words = tuple(ReadWord(word.text, back(word.box), word.confidence, word.cell) for word in one.words)
        return ReadLine(one.text, back(one.box), one.confidence, words)

    parts = tuple(ReadRegion(one.text, back(one.box), one.confidence, tuple(map(given, one.lines))) for one in regions)
    return ReadPage(width, height, turn, 0.9, 0, parts)


def picture(read: ReadPage) -> PIL.Image.Image:
    pixels = np.full((read.height, read.width, 3), 255, np.uint8)
    for one in (word for part in read.regions for each in part.lines for word in each.words):
        left, top, right, bottom = map(round, one.box)
        pixels[top:bottom, left:right] = 0
    return PIL.Image.fromarray(pixels)
