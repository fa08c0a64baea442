"""Dense labels of the place of each character, known for rendered images but not for scanned pages.

A rendered image comes with a box for each character. Four labels follow from the boxes. The encoder and the
resampler are trained on them first (ours; the paper starts from a pre-trained encoder):

- for each cell of each patch, the character under its centre, and which half of it;
- for each patch, its place in reading order, as a share of the length of all lines;
- for each character, the place of its centre in the same reading order: where the decoder has to look to write it;
- for the whole text, the characters at `num_frames` equal steps along its lines: the target content of a
  sequence of visual tokens in reading order.

Axes: characters, patches, cells (of a patch), frames (steps along the text).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

BLANK = 0  # class of a cell without a character; characters count from 1
UNKNOWN = 255  # class of a character that exists but is hidden: no loss on its cells and frames
CELL_ROWS, CELL_COLUMNS = 2, 4  # cells of a patch; letters are narrower than high
NO_PLACE = 255  # reading place of a patch without text


@dataclass(frozen=True)
class GlyphLabels:
    """Labels of one image; class and half are separate, because two heads predict them.

    cells: uint8 (patches, CELL_ROWS * CELL_COLUMNS), character class or BLANK.
    cell_halves: bool (patches, cells), True in the right half of the character.
    places: uint8 (patches,), reading place in 0..num_places-1, or NO_PLACE.
    frames: uint8 (frames,), character class at equal steps along the lines; all BLANK if there is no text.
    frame_halves: bool (frames,).
    letter_places: uint8 (characters,), reading place of each character's centre; newlines are left out.
    """

    cells: np.ndarray
    cell_halves: np.ndarray
    places: np.ndarray
    frames: np.ndarray
    frame_halves: np.ndarray
    letter_places: np.ndarray


def label(
    classes: np.ndarray, boxes: np.ndarray, grid: tuple[int, int], patch_size: int, num_places: int, num_frames: int
) -> GlyphLabels:
    """Labels for a picture of `grid` (height, width) patches.

    classes: uint8 (characters,) from 1, or UNKNOWN; boxes: float (characters, 4) as x0, y0, x1, y1 in pixels of that
    picture, in reading order, spaces included.
    """
    ends = np.cumsum(np.maximum(boxes[:, 2] - boxes[:, 0], 1e-3))
    cells, halves = _cells(classes, boxes, grid, patch_size)
    return GlyphLabels(
        cells,
        halves,
        _places(boxes, ends, grid, patch_size, num_places),
        *_frames(classes, ends, num_frames),
        _letter_places(ends, num_places),
    )


def _under(points: np.ndarray, boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For points (n, 2) as x, y: whether a character covers the point, which one, and how far across it (0..1)."""
    x, y = points[:, :1], points[:, 1:]
    inside = (boxes[:, 0] <= x) & (x < boxes[:, 2]) & (boxes[:, 1] <= y) & (y < boxes[:, 3])
    which = inside.argmax(axis=1)
    across = (points[:, 0] - boxes[which, 0]) / np.maximum(boxes[which, 2] - boxes[which, 0], 1e-3)
    return np.asarray(inside.any(axis=1)), which, across


def _centres(grid: tuple[int, int], patch_size: int, rows: int, columns: int) -> np.ndarray:
    """Centres (patches * rows * columns, 2) as x, y of each patch's cells, patch by patch, row-major."""
    height, width = grid
    y = (np.arange(height * rows) + 0.5) * patch_size / rows
    x = (np.arange(width * columns) + 0.5) * patch_size / columns
    points = np.stack(np.broadcast_arrays(x[None, :], y[:, None]), axis=-1)
    return points.reshape(height, rows, width, columns, 2).transpose(0, 2, 1, 3, 4).reshape(-1, 2)


def _cells(
    classes: np.ndarray, boxes: np.ndarray, grid: tuple[int, int], patch_size: int
) -> tuple[np.ndarray, np.ndarray]:
    covered, which, across = _under(_centres(grid, patch_size, CELL_ROWS, CELL_COLUMNS), boxes)
    cells = np.where(covered, classes[which], BLANK).astype(np.uint8)
    halves = covered & (across >= 0.5)
    return cells.reshape(-1, CELL_ROWS * CELL_COLUMNS), halves.reshape(-1, CELL_ROWS * CELL_COLUMNS)


def _places(boxes: np.ndarray, ends: np.ndarray, grid: tuple[int, int], patch_size: int, num_places: int) -> np.ndarray:
    covered, which, across = _under(_centres(grid, patch_size, 1, 1), boxes)
    starts = np.concatenate([[0.0], ends[:-1]])
    share = (starts[which] + across * (ends - starts)[which]) / ends[-1]
    return np.where(covered, np.clip(share * num_places, 0, num_places - 1), NO_PLACE).astype(np.uint8)


def _frames(classes: np.ndarray, ends: np.ndarray, num_frames: int) -> tuple[np.ndarray, np.ndarray]:
    steps = (np.arange(num_frames) + 0.5) / num_frames * ends[-1]
    which = np.minimum(np.searchsorted(ends, steps, side="right"), len(ends) - 1)
    starts = np.concatenate([[0.0], ends[:-1]])
    across = (steps - starts[which]) / (ends - starts)[which]
    return classes[which].astype(np.uint8), across >= 0.5


def _letter_places(ends: np.ndarray, num_places: int) -> np.ndarray:
    centres = (np.concatenate([[0.0], ends[:-1]]) + ends) / 2 / ends[-1]
    return np.clip(centres * num_places, 0, num_places - 1).astype(np.uint8)
