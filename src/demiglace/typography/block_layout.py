"""Layout of many blocks of lines at once: the place of every character as arrays, from the metrics of an atlas.

The arithmetic is that of `typesetting.set_lines`. A *strip* is a line of a block, or a neighbouring line above or below
it that is drawn but not labelled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from demiglace.typography.corpus import ALPHABET
from demiglace.typography.glyph_atlas import GlyphAtlas
from demiglace.typography.rendering import MAX_PIXELS
from demiglace.typography.typesetting import INDENT, TextStyle, font_size

NONE = -1  # padding after the end of a strip

_LETTERS = np.full(0x2100, NONE, np.int64)
_LETTERS[[ord(letter) for letter in ALPHABET]] = np.arange(len(ALPHABET))
_SPACE = ALPHABET.index(" ")


@dataclass(frozen=True)
class Blocks:
    """Laid-out blocks; lengths in pixels of the page that each would be drawn on, from its top left corner.

    faces: int64 (blocks,), index in the atlas. caps: float64 (blocks, 2), pixels of a cap height across and down.
    bands: float64 (blocks, 2), rise and fall. sizes: float64 (blocks, 2), width and height of the page.
    rules: float64 (blocks, 4), as in `TextStyle`, in cap heights, NaN where there is none.
    block_of: int64 (strips,), ascending. labelled: bool (strips,). baselines: float64 (strips,).
    letters: int64 (strips, length), index in `ALPHABET` or `NONE`. edges: float64 (strips, length + 1).
    underlined: bool (strips,).
    """

    faces: np.ndarray
    caps: np.ndarray
    bands: np.ndarray
    sizes: np.ndarray
    rules: np.ndarray
    block_of: np.ndarray
    labelled: np.ndarray
    baselines: np.ndarray
    letters: np.ndarray
    edges: np.ndarray
    underlined: np.ndarray

    def only(self, chosen: np.ndarray) -> Blocks:
        """The blocks `chosen` (blocks,), in that order."""
        place = np.full(len(self.faces), -1)
        place[chosen] = np.arange(len(chosen))
        strips = np.argsort(place[self.block_of], kind="stable")[np.count_nonzero(place[self.block_of] < 0) :]
        per_block, per_strip = (
            {name: getattr(self, name)[rows] for name in names}
            for names, rows in ((_PER_BLOCK, chosen), (_PER_STRIP, strips))
        )
        return Blocks(**per_block, **per_strip | {"block_of": place[self.block_of[strips]]})

    @property
    def characters(self) -> tuple[np.ndarray, np.ndarray]:
        """Letters int64 (blocks, characters), padded with `NONE`, and their boxes float64 (blocks, characters, 4).

        In reading order; boxes are left, top, right, bottom as in `Setting.boxes`, clipped to the page.
        """
        strip, place = np.nonzero((self.letters != NONE) & self.labelled[:, None])
        block = self.block_of[strip]
        counts = np.bincount(block, minlength=len(self.faces))
        order = np.arange(len(block)) - (np.cumsum(counts) - counts)[block]
        letters = np.full((len(self.faces), counts.max()), NONE)
        letters[block, order] = self.letters[strip, place]
        boxes = np.zeros((*letters.shape, 4))
        baseline = self.baselines[strip]
        top, bottom = baseline - self.bands[block, 0], baseline + self.bands[block, 1]
        boxes[block, order] = np.stack([self.edges[strip, place], top, self.edges[strip, place + 1], bottom], axis=1)
        return letters, np.clip(boxes, 0, np.tile(self.sizes, 2)[:, None])


_PER_BLOCK = ("faces", "caps", "bands", "sizes", "rules")
_PER_STRIP = ("block_of", "labelled", "baselines", "letters", "edges", "underlined")


def set_blocks(
    texts: Sequence[Sequence[str]], faces: np.ndarray, styles: Sequence[TextStyle], atlas: GlyphAtlas
) -> Blocks:
    """Lay out a block of lines with each face and style; no block may be empty."""
    lines = np.array([len(block) for block in texts])
    strips = [_strips(block, style) for block, style in zip(texts, styles, strict=True)]
    block_of = np.repeat(np.arange(len(texts)), [len(block) for block in strips])
    row = np.array([row for block in strips for row, _ in block])
    labelled = (row >= 0) & (row < lines[block_of])
    letters = _letters([text for block in strips for _, text in block])
    drawn = np.array([share * font_size(share, style) for share, style in zip(atlas.caps[faces], styles, strict=True)])
    caps = _cap_sizes(drawn, styles)
    advances = _advances(letters, atlas.advances[faces[block_of]], drawn[block_of, None])
    _spread(advances, letters, labelled, [styles[int(block)] for block in block_of])
    widest = _justify(advances, letters, labelled & (row < lines[block_of] - 1), labelled, block_of, styles)
    starts = _starts(advances, widest, labelled, block_of, styles)
    edges = starts[:, None] + np.pad(advances.cumsum(axis=1), ((0, 0), (1, 0)))
    margins, pitch = np.array([style.margins for style in styles]), np.array([style.pitch for style in styles])
    rise, fall = atlas.bands[faces].astype(float).T
    heights = margins[:, [1, 3]].sum(axis=1) + rise + fall + (lines - 1) * pitch
    sizes = np.stack([margins[:, [0, 2]].sum(axis=1) + widest, heights], axis=1) * caps
    shrink = np.minimum(1, np.sqrt(MAX_PIXELS / sizes.clip(1).prod(axis=1)))[:, None]
    caps, sizes = caps * shrink, (sizes * shrink).clip(1)
    baselines = ((margins[:, 1] + rise)[block_of] + row * pitch[block_of]) * caps[block_of, 1]
    underlined = np.array([style.underlined for style in styles])[block_of] & labelled
    bands = np.stack([rise, fall], axis=1) * caps[:, 1:]
    rules = np.array([style.rules for style in styles], float)
    return Blocks(
        faces, caps, bands, sizes, rules, block_of, labelled, baselines, letters, edges * caps[block_of, :1], underlined
    )


def _strips(lines: Sequence[str], style: TextStyle) -> list[tuple[int, str]]:
    """(line number, text) from the top down; the lines above and below the block have the numbers before and after."""
    above, below = [(-1, style.above)] * bool(style.above), [(len(lines), style.below)] * bool(style.below)
    return [*above, *enumerate(lines), *below]


def _letters(texts: Sequence[str]) -> np.ndarray:
    """int64 (texts, longest), padded with `NONE`; ValueError if a character is outside the alphabet."""
    lengths = np.array([len(text) for text in texts])
    codes = np.frombuffer("".join(texts).encode("utf-32-le"), np.uint32)
    found = _LETTERS[np.minimum(codes, len(_LETTERS) - 1)]
    if (found == NONE).any():
        raise ValueError(f"characters outside the alphabet: {sorted(set(''.join(texts)) - set(ALPHABET))}")
    letters = np.full((len(texts), max(1, lengths.max())), NONE)
    letters[np.arange(letters.shape[1]) < lengths[:, None]] = found
    return letters


def _cap_sizes(drawn: np.ndarray, styles: Sequence[TextStyle]) -> np.ndarray:
    """float64 (blocks, 2): pixels of a cap height across and down, on the page; `drawn`: in the drawing."""
    crisp = np.array([style.crisp for style in styles])
    stretch = np.where(crisp, 1.0, [style.stretch for style in styles])
    down = np.where(crisp, drawn, [style.cap_height for style in styles])
    return np.stack([down * stretch, down], axis=1)


def _advances(letters: np.ndarray, widths: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """float64 (strips, length) in cap heights, hinted to whole pixels where a cap height has `drawn` (strips, 1)."""
    found = np.where(letters == NONE, 0.0, np.take_along_axis(widths, letters.clip(0), axis=1))
    return np.round(found * drawn) / drawn


def _spread(advances: np.ndarray, letters: np.ndarray, labelled: np.ndarray, styles: Sequence[TextStyle]) -> None:
    """Add letter spacing and the one wide gap, as `typesetting` does."""
    for strip, style in enumerate(styles):
        if labelled[strip] and style.letter_spacing:
            advances[strip] += style.letter_spacing * (letters[strip] != NONE)
        if labelled[strip] and style.gap:
            spaces = np.flatnonzero(letters[strip] == _SPACE)
            if len(spaces):
                advances[strip, spaces[int(style.gap[0] * len(spaces))]] += style.gap[1]


def _justify(
    advances: np.ndarray,
    letters: np.ndarray,
    filled: np.ndarray,
    labelled: np.ndarray,
    block_of: np.ndarray,
    styles: Sequence[TextStyle],
) -> np.ndarray:
    """Widen the spaces of `filled` lines of justified blocks; float64 (blocks,), the widest line of each."""
    first = np.searchsorted(block_of, np.arange(len(styles)))
    widths = advances.sum(axis=1)
    widest = np.maximum.reduceat(np.where(labelled, widths, 0), first)
    spaces = letters == _SPACE
    justified = np.array([style.alignment == "justified" for style in styles])[block_of] & filled & spaces.any(axis=1)
    room = (widest[block_of] - widths) / spaces.sum(axis=1).clip(1)
    advances += spaces * np.where(justified, room, 0)[:, None]
    return widest


def _starts(
    advances: np.ndarray, widest: np.ndarray, labelled: np.ndarray, block_of: np.ndarray, styles: Sequence[TextStyle]
) -> np.ndarray:
    """float64 (strips,): where each begins; neighbouring lines begin where the first line does."""
    indent = np.array([INDENT[style.alignment] for style in styles])
    left = np.array([style.margins[0] for style in styles])
    starts = left[block_of] + indent[block_of] * (widest[block_of] - advances.sum(axis=1))
    first = np.searchsorted(block_of, np.arange(len(styles)))
    first += ~labelled[first]
    return np.where(labelled, starts, starts[first][block_of])
