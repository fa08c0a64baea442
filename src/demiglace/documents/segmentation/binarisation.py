"""Binarisation: from a grey image to a mask of ink and boxes of letters.

The background is the median of a neighbourhood; ink differs from it, lighter or darker. So uneven light, coloured paper
and light print on dark need no special case. Rules, frames and solid areas are removed, and print inside solid areas is
kept. All lengths are relative to the height of the letters, measured first. Ours.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageFilter

from demiglace.documents.segmentation.connected_components import component_boxes, runs

LEAST_CONTRAST = 24  # grey levels; three quarters of it for faint strokes that join others
STRONG, FAINT = 0.42, 0.25  # shares of the local contrast: for ink, and for pixels that may join broken strokes
MOST_JOINED = 3  # pixels from strong ink
BROKEN = 1.2  # ratio: if joining makes letters so much taller, strokes of the strong ink are broken
LEAST_SOLID = 0.65  # share of ink in a solid area with light print; below a half in dense dark print
LEAST_LETTER = 4  # pixels; smaller marks are ignored in measuring the height of letters
MOST_LETTERS = 30_000  # of a page; beyond this, the largest marks are kept


def find_letters(grey: np.ndarray) -> tuple[np.ndarray, float]:
    """Boxes float64 (letters, 4) of the marks of print in `grey` uint8 (height, width), and the height of a letter.

    The height is the median, mostly that of small letters without ascender; 0 for a blank page. A box contains a
    letter, part of one, or several that touch. The boxes are unordered.
    """
    ink = find_ink(grey)
    height = letter_height(component_boxes(ink)[0])
    if height == 0:
        return np.empty((0, 4)), 0.0
    ink = _without_rules(_with_light_print(ink, height), height)
    boxes, areas = component_boxes(ink)
    is_speck = areas < max(2, 0.01 * height**2)
    boxes, areas = boxes[~is_speck], areas[~is_speck]
    height = letter_height(boxes) or height
    boxes = boxes[_are_letters(boxes, areas, height)]
    if len(boxes) > MOST_LETTERS:
        extents = (boxes[:, 2:] - boxes[:, :2]).sum(axis=1)
        boxes = boxes[np.argsort(-extents, kind="stable")[:MOST_LETTERS]]
    return boxes.astype(np.float64), height


def _are_letters(boxes: np.ndarray, areas: np.ndarray, height: float) -> np.ndarray:
    """Which marks are not far too large for letters, not thin tall strokes, and not remains of frames and edges."""
    widths, heights = (boxes[:, 2:] - boxes[:, :2]).T / height
    is_thin = (widths < 0.2 * heights) | (areas < 0.12 * widths * heights * height**2)
    return (widths < 16) & (heights < 7) & ~(is_thin & (heights > 3))


def letter_height(boxes: np.ndarray) -> float:
    """The median height of marks, weighted by height, so that dots and specks count little; 0 without any."""
    widths, heights = (boxes[:, 2:] - boxes[:, :2]).T
    heights = np.sort(heights[(heights >= LEAST_LETTER) & (widths < 8 * heights) & (heights < 8 * widths)])
    if len(heights) == 0:
        return 0.0
    weights = np.cumsum(heights)
    return float(heights[np.searchsorted(weights, weights[-1] / 2)])


def find_ink(grey: np.ndarray) -> np.ndarray:
    """Mask of the pixels of `grey` uint8 (height, width) that differ from the paper around them.

    If faint print is broken up, as from a worn ribbon or a dot-matrix printer, its fainter pixels are added.
    """
    window = max(max(grey.shape) / 12, min(*grey.shape, 64))
    window = min(window, 12 * min(grey.shape))  # in a strip one pixel high, cells would be mostly padding
    difference = np.abs(grey.astype(np.float32) - _paper(grey, window))
    noise = 1.48 * float(np.median(difference))
    contrast = _around(difference, window / 3)
    least = max(LEAST_CONTRAST, 4 * noise, 0.15 * float(contrast.max(initial=0)))
    ink = difference > np.maximum(STRONG * contrast, least)
    faint = difference > np.maximum(FAINT * contrast, max(0.75 * LEAST_CONTRAST, 3 * noise))
    joined = ink
    for _ in range(MOST_JOINED):
        joined = faint & dilated(joined, 1)
    broken, whole = (letter_height(component_boxes(mask)[0]) for mask in (ink, joined))
    return joined if whole > BROKEN * broken else ink


def _paper(grey: np.ndarray, window: float) -> np.ndarray:
    """The median of `window` x `window` pixels around each pixel, from a sample of them.

    At corners of a panel most of the window lies outside; there, a uniform cell like nearby paper is paper.
    """
    step = max(1, int(window / 9))
    level = Image.fromarray(np.ascontiguousarray(grey[step // 2 :: step, step // 2 :: step]))
    level = level.filter(ImageFilter.MedianFilter(2 * int(window / step / 2) + 1))
    cells = _cells(grey, step)[: level.height, : level.width].astype(np.int16)
    darkest, lightest = cells.min(axis=2), cells.max(axis=2)
    paper = np.asarray(level).astype(np.int16)
    for nearby in (ImageFilter.MinFilter(9), ImageFilter.MaxFilter(9)):
        other = np.asarray(level.filter(nearby)).astype(np.int16)
        paper = np.where((np.abs(darkest - other) < 12) & (np.abs(lightest - other) < 12), other, paper)
    return _stretched(paper, grey.shape)


def _cells(values: np.ndarray, side: int) -> np.ndarray:
    """Cells of `side` x `side` pixels, padded at the end by repeating the edge: (rows, columns, pixels of a cell)."""
    height, width = (-(-length // side) * side for length in values.shape)
    padded = np.pad(values, ((0, height - values.shape[0]), (0, width - values.shape[1])), mode="edge")
    cells = padded.reshape(height // side, side, width // side, side).swapaxes(1, 2)
    return cells.reshape(height // side, width // side, side * side)


def _around(difference: np.ndarray, tile: float) -> np.ndarray:
    """The contrast of ink near each pixel: the maximum over tiles of `tile` pixels and their neighbours."""
    most = _cells(difference, max(4, int(tile))).max(axis=2)
    most = np.asarray(Image.fromarray(most.astype(np.uint8)).filter(ImageFilter.MaxFilter(3)))
    return _stretched(most, difference.shape)


def _stretched(values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """float32 of `shape` (height, width), interpolated."""
    return np.asarray(
        Image.fromarray(values.astype(np.float32)).resize((shape[1], shape[0]), Image.Resampling.BILINEAR)
    )


def _with_light_print(ink: np.ndarray, height: float) -> np.ndarray:
    """Removes solid areas and takes the gaps in them for ink: light print on a dark bar."""
    fill, solid = round(0.5 * height), round(2.2 * height)
    closed = ~dilated(~dilated(ink, fill), fill)
    core = ~dilated(~closed, solid) & (_share_around(ink, solid) > LEAST_SOLID)
    if not core.any():
        return ink
    area = dilated(core, solid)
    inside = ~dilated(~area, max(1, round(0.15 * height)))
    return np.where(dilated(area, max(1, round(0.15 * height))), inside & ~ink, ink)


def _share_around(mask: np.ndarray, reach: int) -> np.ndarray:
    """Share of True among the pixels within `reach` to each side of each pixel: float32 of the mask's shape."""
    picture = Image.fromarray(mask.astype(np.uint8) * 255)
    return np.asarray(picture.filter(ImageFilter.BoxBlur(reach))).astype(np.float32) / 255


def _without_rules(ink: np.ndarray, height: float) -> np.ndarray:
    """Ink without straight strokes that are longer than in any letter."""
    kept = ink.copy()
    for direction in (lambda mask: mask, np.transpose):
        lines, starts, ends = runs(direction(ink))
        long = ends - starts > 7 * height
        target = direction(kept)  # a view
        for line, start, end in zip(lines[long], starts[long], ends[long], strict=True):
            target[line, start:end] = False
    return kept


def dilated(mask: np.ndarray, reach: int) -> np.ndarray:
    """Pixels of `mask` (height, width) with a True within `reach` pixels to each side, rows and columns.

    Windows double in size until they suffice: as many steps over the mask as `reach` has binary digits.
    """
    for axis in (0, 1):
        padding = [(0, 0), (0, 0)]
        padding[axis] = (reach, reach)
        windows = np.pad(mask, padding).swapaxes(0, axis)  # each: is any of `size` pixels True
        size = 1
        while size <= 2 * reach:
            step = min(size, 2 * reach + 1 - size)
            windows = windows[step:] | windows[:-step]
            size += step
        mask = windows.swapaxes(0, axis)
    return mask
