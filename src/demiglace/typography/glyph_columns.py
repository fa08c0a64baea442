"""The glyphs of an atlas at several sizes, column by column, in one table on a device.

A line of print is columns of ink side by side, so composing one is a gather of rows from this table. Sizes are half an
octave apart, so that a picture of any size can sample the next larger one without visible steps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from demiglace.typography.corpus import ALPHABET
from demiglace.typography.glyph_atlas import CAP, INK_LEVELS, GlyphAtlas

LEVEL_CAPS = tuple(CAP * 2 ** (-level / 2) for level in range(5))  # ours: cap height in pixels, 32 to 8
ABOVE, BELOW = 1.35, 0.55  # ours: cap heights kept above and below the baseline; faces reach 1.25 and 0.44
UNDERLINE = 0.18, 0.05  # cap heights below the baseline, and thick, as `rendering` draws it


def column_rows(cap: float) -> int:
    """Rows used by a column at a cap height of `cap` pixels, with a blank one at both ends; rows beyond are blank."""
    return baseline_row(cap) + round(cap * BELOW) + 1


def baseline_row(cap: float) -> int:
    """Rows of a column above the baseline, at a cap height of `cap` pixels."""
    return round(cap * ABOVE) + 1


ROWS = column_rows(CAP)


@dataclass(frozen=True)
class GlyphColumns:
    """The table of columns, and where those of each letter are in it.

    table: uint8 (columns, ROWS), ink from 0 to 255.
    starts, widths, lefts: int64 (levels, faces, letters): first column in the table, number of columns, and the
        distance of the first one to the right of the pen, in pixels of the level.
    underlines: int64 (levels,), the column of an underline.
    """

    table: Tensor
    starts: np.ndarray
    widths: np.ndarray
    lefts: np.ndarray
    underlines: np.ndarray


def glyph_columns(atlas: GlyphAtlas, device: torch.device | str = "cpu") -> GlyphColumns:
    """The table of `atlas` on `device`; takes a few seconds."""
    shape = len(LEVEL_CAPS), len(atlas.faces), len(ALPHABET)
    starts, widths, lefts = (np.zeros(shape, np.int64) for _ in range(3))
    pieces = [np.stack([_underline(cap) for cap in LEVEL_CAPS])]
    held = len(LEVEL_CAPS)
    for face in range(len(atlas.faces)):
        drawing, origin = _face_drawing(atlas, face)
        ends = atlas.boxes[face, :, 0].astype(np.int64), atlas.boxes[face, :, [0, 2]].sum(axis=0, dtype=np.int64)
        for level, cap in enumerate(LEVEL_CAPS):
            reduced, pen = _reduced(drawing, origin, cap)
            first, last = np.floor(ends[0] * cap / CAP).astype(int), np.ceil(ends[1] * cap / CAP).astype(int)
            place = np.arange(reduced.shape[1]) - pen
            kept = (place >= first[:, None]) & (place < last[:, None])
            widths[level, face], lefts[level, face] = last - first, first
            starts[level, face] = held + np.cumsum(last - first) - (last - first)
            pieces.append(reduced[kept])
            held += len(pieces[-1])
    table = torch.from_numpy(np.concatenate(pieces)).to(device)
    return GlyphColumns(table, starts, widths, lefts, np.arange(len(LEVEL_CAPS)))


def _underline(cap: float) -> np.ndarray:
    """uint8 (ROWS,): one column of an underline."""
    column = np.zeros(ROWS, np.uint8)
    top = baseline_row(cap) + round(UNDERLINE[0] * cap)
    column[top : top + 1 + round(UNDERLINE[1] * cap)] = 255
    return column


def _face_drawing(atlas: GlyphAtlas, face: int) -> tuple[np.ndarray, int]:
    """float32 (letters, columns, rows) on one canvas, rows from `baseline_row` above the baseline; the pen's column."""
    left, _, width, _ = atlas.boxes[face].astype(np.int64).T
    origin = max(0, -int(left.min()))
    canvas = np.zeros((len(ALPHABET), origin + int((left + width).max()), ROWS), np.float32)
    for letter, ink in enumerate(atlas.glyphs(face)):
        if ink.size:
            x, y = origin + int(left[letter]), baseline_row(CAP) + int(atlas.boxes[face, letter, 1])
            cut = ink[max(0, 1 - y) : ROWS - 1 - y].T
            canvas[letter, x : x + cut.shape[0], max(1, y) : max(1, y) + cut.shape[1]] = cut
    return canvas * (255 / (INK_LEVELS - 1)), origin


def _reduced(drawing: np.ndarray, origin: int, cap: float) -> tuple[np.ndarray, int]:
    """uint8 (letters, columns, ROWS) at a cap height of `cap` pixels, and the pen's column."""
    factor = cap / CAP
    pen = int(np.ceil(origin * factor)) + 1
    columns = pen + int(np.ceil((drawing.shape[1] - origin) * factor)) + 1
    across = _area_weights(drawing.shape[1], origin, columns, pen, factor)
    down = _area_weights(ROWS, baseline_row(CAP), ROWS, baseline_row(cap), factor)
    return (across @ drawing @ down.T).round().clip(0, 255).astype(np.uint8), pen


def _area_weights(source: int, source_origin: int, target: int, target_origin: int, factor: float) -> np.ndarray:
    """float32 (target, source): the share of each pixel of the target that a pixel of the source covers."""
    begins = (np.arange(source) - source_origin) * factor + target_origin
    place = np.arange(target)[:, None]
    return (np.minimum(begins + factor, place + 1) - np.maximum(begins, place)).clip(0).astype(np.float32)
