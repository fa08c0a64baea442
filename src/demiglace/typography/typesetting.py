"""Layout: the place of every character of a block of lines, before drawing.

Lengths of a `TextStyle` are in cap heights (the height of a capital letter), so that a style fits every size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import ImageFont

from demiglace.typography.fonts import Face, load_font, proportions
from demiglace.typography.ink_colours import Colour

Alignment = Literal["left", "centre", "right", "justified"]

INDENT = {
    "left": 0.0,
    "justified": 0.0,
    "centre": 0.5,
    "right": 1.0,
}  # share of a line's free room that is before it


@dataclass(frozen=True)
class TextStyle:
    """How a block of lines is laid out and drawn; lengths in cap heights, except `cap_height` itself, in pixels."""

    cap_height: float
    crisp: bool = True  # drawn directly at the nearest font size, else drawn larger and reduced
    stretch: float = 1.0  # widens or narrows the letters; ignored if crisp
    alignment: Alignment = "left"
    letter_spacing: float = 0.0
    pitch: float = 2.0  # from baseline to baseline
    margins: tuple[float, float, float, float] = (0.5, 0.5, 0.5, 0.5)  # left, top, right, bottom; below 0 cuts
    gap: tuple[float, float] | None = None  # one wide space in each line: place in 0..1, width added
    above: str = ""  # neighbouring lines, drawn but not labelled
    below: str = ""
    underlined: bool = False
    rules: tuple[float | None, ...] = (None, None, None, None)  # table borders: distance from left, top, right, bottom
    ink: Colour = (0, 0, 0)
    paper: Colour = (255, 255, 255)


@dataclass(frozen=True)
class Setting:
    """Lines laid out in one size of a font; lengths in pixels.

    edges: for each line float64 (characters + 1,), the borders of its characters.
    runs: for each line, the characters at which a run of letters starts that can be drawn at once.
    """

    font: ImageFont.FreeTypeFont
    cap: float
    rise: float
    fall: float
    edges: list[np.ndarray]
    runs: list[list[int]]
    baselines: list[float]
    size: tuple[int, int]

    @property
    def boxes(self) -> np.ndarray:
        """float64 (characters, 4): left, top, right, bottom."""
        boxes = []
        for edges, baseline in zip(self.edges, self.baselines, strict=True):
            heights = np.full((len(edges) - 1, 2), [baseline - self.rise, baseline + self.fall])
            boxes.append(np.stack([edges[:-1], heights[:, 0], edges[1:], heights[:, 1]], axis=1))
        return np.concatenate(boxes)


def set_lines(lines: list[str], face: Face, style: TextStyle) -> Setting:
    """Lay out `lines`; the first line is below the upper border of the drawing by its top margin."""
    shares = proportions(face)
    size = font_size(shares.cap, style)
    font = load_font(face, size)
    cap, rise, fall = shares.cap * size, shares.rise * size, shares.fall * size
    spread = [_spread(line, cap, style) for line in lines]
    advances = [_advances(line, font) + added for line, added in zip(lines, spread, strict=True)]
    widest = max(float(advance.sum()) for advance in advances)
    left, top, right, bottom = (margin * cap for margin in style.margins)
    edges, runs = [], []
    for i, line in enumerate(lines):
        added = np.zeros(len(line))
        if style.alignment == "justified" and i < len(lines) - 1:
            added = _justify(line, widest - float(advances[i].sum()))
        advance = advances[i] + added
        indent = (widest - float(advance.sum())) * INDENT[style.alignment]
        edges.append(left + indent + np.concatenate([[0.0], np.cumsum(advance)]))
        runs.append([0, *(np.flatnonzero((spread[i] + added)[:-1]) + 1)])
    baselines = [top + rise + i * style.pitch * cap for i in range(len(lines))]
    canvas = max(2, round(left + widest + right)), max(2, round(baselines[-1] + fall + bottom))
    return Setting(font, cap, rise, fall, edges, runs, baselines, canvas)


def font_size(cap: float, style: TextStyle) -> int:
    """Pixels per em to draw at, in steps of at most 10 % so that few sizes are loaded; `cap` is a share of the em."""
    enlarged = style.cap_height if style.crisp else style.cap_height * (2.0 if style.cap_height < 40 else 1.25)
    size = max(6.0, enlarged / cap)
    return round(size) if size <= 20 else round(20 * 1.1 ** round(np.log(size / 20) / np.log(1.1)))


def _advances(line: str, font: ImageFont.FreeTypeFont) -> np.ndarray:
    """Width of every character, kerning with the next one included."""
    alone = {letter: font.getlength(letter) for letter in set(line)}
    pairs = [font.getlength(line[i : i + 2]) - alone[line[i + 1]] for i in range(len(line) - 1)]
    return np.array([*pairs, *(alone[letter] for letter in line[-1:])])


def _spread(line: str, cap: float, style: TextStyle) -> np.ndarray:
    """Width added after each character: letter spacing, and the one wide gap."""
    spread = np.full(len(line), style.letter_spacing * cap)
    spaces = [i for i, letter in enumerate(line) if letter == " "]
    if style.gap and spaces:
        place, width = style.gap
        spread[spaces[int(place * len(spaces))]] += width * cap
    return spread


def _justify(line: str, room: float) -> np.ndarray:
    """The free room of a line divided among its spaces."""
    spaces = np.array([letter == " " for letter in line], float)
    return spaces * (room / spaces.sum()) if spaces.any() else spaces
