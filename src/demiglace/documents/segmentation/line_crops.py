"""Cutting a page into line crops for reading (docs/reading.md).

A slice has tokens for about one line, so a page is cut into crops of a line or part of one, in reading order. Only for
upright pages (`inference/page_turn.py` turns them); a page skewed by up to three degrees is straightened first.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image

from demiglace.documents.page import Box, around
from demiglace.documents.segmentation.binarisation import find_letters
from demiglace.documents.segmentation.reading_order import Block, Row, reading_order
from demiglace.documents.segmentation.text_lines import TextStretch, find_stretches, median, skew
from demiglace.media.pictures import MAX_PIXELS

MOST_PIXELS = 4_000_000  # for finding lines; the crops come from the full image
EDGE_LETTERS = 2.0  # letters; a stretch at an edge of the page that is no longer is probably a shadow
WORD_GAP = 0.4  # letter heights
MARGIN = 0.25  # around the ink of a piece, in letter heights
MOST_WHOLE = 1.6  # times the letters of a piece: a picture that shows only so much is not cut
WIDEST_MARGIN = 2.5  # letter heights; as in the nano model's training images
LEAST_SKEW = 0.3  # degrees; at less, a piece of 40 letters rises by at most a fifth of a letter


@dataclass(frozen=True)
class CuttingConfig:
    """most_letters: of a piece, by its width in letter heights; longer lines are cut at gaps between words."""

    most_letters: int = 32

    def __post_init__(self) -> None:
        if self.most_letters < 1:
            raise ValueError(f"most_letters must be at least 1, got {self.most_letters}")


@dataclass(frozen=True)
class LineCrop:
    """A crop that is read at once. `box`: in pixels of the page; `letters`: their approximate number, by its width in
    letter heights; `picture`: the straightened crop; `marks`: the boxes on the page of its print, float64 (marks, 4),
    from left to right, line after line.
    """

    box: Box
    letters: float
    picture: Image.Image
    marks: np.ndarray


@dataclass(frozen=True)
class CutLine:
    """A line of print, which is one cell, or a row of a table: its cells from left to right, each in pieces."""

    box: Box
    cells: tuple[tuple[LineCrop, ...], ...]

    @property
    def pieces(self) -> tuple[LineCrop, ...]:
        return tuple(piece for cell in self.cells for piece in cell)


@dataclass(frozen=True)
class CutRegion:
    """Lines that belong together, from top to bottom."""

    box: Box
    lines: tuple[CutLine, ...]


def cut_page(page: Image.Image, config: CuttingConfig) -> list[CutRegion]:
    """The regions of an RGB page in reading order; empty if there is no text.

    An image that needs only one crop is not cut.
    """
    view = _View.of(page)
    letters, height = view.letters()
    angle = skew(letters, height)
    if abs(angle) >= LEAST_SKEW and _turned_pixels(page, angle) <= MAX_PIXELS:
        view = _View.of(page, angle)
        letters, height = view.letters()
    blocks = reading_order(_without_edges(find_stretches(letters, height), view), height)
    if whole := _as_one_piece(blocks, view, config):
        return [CutRegion(whole.box, (CutLine(whole.box, ((whole,),)),))]
    regions = []
    for block in blocks:
        lines = tuple(_cut_line(row, view, config) for row in block)
        regions.append(CutRegion(around([line.box for line in lines]), lines))
    return regions


def _without_edges(stretches: list[TextStretch], view: _View) -> list[TextStretch]:
    """Without narrow stretches that touch an edge of the page, like shadows of a scan; all if nothing else is left."""
    width, height = view.straight.size
    ends = np.array([0, 0, width, height]) + np.array([1, 1, -1, -1]) * view.factor
    inside = []
    for stretch in stretches:
        left, top, right, bottom = stretch.box
        touches = left <= ends[0] or top <= ends[1] or right >= ends[2] or bottom >= ends[3]
        if not touches or stretch.num_letters > EDGE_LETTERS:
            inside.append(stretch)
    return inside or stretches


def _turned_pixels(page: Image.Image, angle: float) -> float:
    """Pixels of the bounding box of the page turned by `angle` degrees: a strip one pixel high grows a thousandfold."""
    cos, sin = math.cos(math.radians(angle)), abs(math.sin(math.radians(angle)))
    return (page.width * cos + page.height * sin) * (page.width * sin + page.height * cos)


@dataclass(frozen=True)
class _View:
    """A page straightened by `angle` degrees; lines are searched in a grey copy reduced by `factor`."""

    page: Image.Image
    straight: Image.Image
    angle: float
    factor: int

    @classmethod
    def of(cls, page: Image.Image, angle: float = 0.0) -> _View:
        paper = tuple(int(level) for level in np.median(np.asarray(page)[::7, ::7].reshape(-1, 3), axis=0))
        straight = page.rotate(angle, Image.Resampling.BICUBIC, expand=True, fillcolor=paper) if angle else page
        return cls(page, straight, angle, math.ceil(math.sqrt(page.width * page.height / MOST_PIXELS)))

    def letters(self) -> tuple[np.ndarray, float]:
        """Boxes of letters and their usual height, in pixels of the straightened page."""
        boxes, height = find_letters(np.asarray(self.straight.convert("L").reduce(self.factor)))
        return boxes * self.factor, height * self.factor

    def piece(self, box: Box, letters: float, marks: np.ndarray) -> LineCrop:
        """The crop of a box of the straightened page, with the marks in it."""
        left, top, right, bottom = box
        inside = (
            max(0, math.floor(left)),
            max(0, math.floor(top)),
            min(self.straight.width, math.ceil(right)),
            min(self.straight.height, math.ceil(bottom)),
        )
        left, top, right, bottom = self._on_page(np.array([inside], np.float64))[0].tolist()
        return LineCrop((left, top, right, bottom), letters, self.straight.crop(inside), self._on_page(marks))

    def _on_page(self, boxes: np.ndarray) -> np.ndarray:
        """The bounding boxes, on the page, of boxes (boxes, 4) of the straightened page."""
        cos, sin = math.cos(math.radians(self.angle)), math.sin(math.radians(self.angle))
        corners = boxes[:, [[0, 1], [0, 3], [2, 1], [2, 3]]] - np.divide(self.straight.size, 2)
        turned = corners @ np.array([[cos, sin], [-sin, cos]]) + np.divide(self.page.size, 2)
        return np.concatenate([turned.min(axis=1), turned.max(axis=1)], axis=1).clip(0, 2 * self.page.size)


def _cut_line(row: Row, view: _View, config: CuttingConfig) -> CutLine:
    cells = []
    for stretch in row:
        pieces = []
        for letters in _parts(stretch, config.most_letters):
            width = letters[:, 2].max() - letters[:, 0].min()
            pieces.append(view.piece(_with_margin(letters, stretch), width / stretch.height, letters))
        cells.append(tuple(pieces))
    return CutLine(around([piece.box for cell in cells for piece in cell]), tuple(cells))


def _parts(stretch: TextStretch, most_letters: int) -> list[np.ndarray]:
    """The letters of a stretch in the fewest parts of similar length, with at most about `most_letters` each."""
    left, _, right, _ = stretch.box
    count = math.ceil(stretch.num_letters / most_letters)
    ends = np.maximum.accumulate(stretch.letters[:-1, 2])
    gaps = stretch.letters[1:, 0] - ends
    wanted = left + (right - left) * np.arange(1, count) / count
    reach = 0.4 * (right - left) / count
    cuts = [_best_gap(gaps, np.abs(ends + gaps / 2 - place), reach, stretch.height) for place in wanted]
    return np.split(stretch.letters, sorted({cut + 1 for cut in cuts if cut is not None}))


def _best_gap(gaps: np.ndarray, distances: np.ndarray, reach: float, height: float) -> int | None:
    """The nearest gap between words within `reach`, else the widest gap there; None if there is no gap."""
    near = (distances < reach) & (gaps > 0)
    if not near.any():
        return None
    words = near & (gaps >= max(WORD_GAP * height, 1.7 * median(gaps[near])))
    if words.any():
        return int(np.where(words, distances, np.inf).argmin())
    return int(np.where(near, gaps, 0).argmax())


def _with_margin(letters: np.ndarray, stretch: TextStretch) -> Box:
    """The box of some letters of a stretch, at least as high as its usual letters, with a margin."""
    left, right = letters[:, 0].min(), letters[:, 2].max()
    top = min(letters[:, 1].min(), median(stretch.letters[:, 1]))
    bottom = max(letters[:, 3].max(), median(stretch.letters[:, 3]))
    room = MARGIN * stretch.height
    return left - room, top - room, right + room, bottom + room


def _as_one_piece(blocks: list[Block], view: _View, config: CuttingConfig) -> LineCrop | None:
    """The whole page, if it has only one line, or two short ones, with little margin; else None."""
    rows = [row for block in blocks for row in block]
    if view.angle or not 1 <= len(rows) <= 2 or any(len(row) > 1 for row in rows):
        return None
    stretches = [row[0] for row in rows]
    letters = sum(stretch.num_letters for stretch in stretches)
    left, top, right, bottom = around([stretch.box for stretch in stretches])
    width, height = view.page.size
    free = max(left, top, width - right, height - bottom)
    if letters > MOST_WHOLE * config.most_letters or free > WIDEST_MARGIN * max(one.height for one in stretches):
        return None
    marks = np.concatenate([stretch.letters for stretch in stretches])
    return LineCrop((0.0, 0.0, float(width), float(height)), letters, view.page, marks)
