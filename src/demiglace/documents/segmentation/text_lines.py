"""From boxes of letters to stretches: consecutive letters on a line, with no gap wider than between words. Ours.

Lengths are in letter heights. A line of prose is one stretch; a row of a table has one for each cell.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from demiglace.documents.page import Box

WIDEST_GAP = 1.6  # between the letters of a stretch; justified lines have smaller gaps, columns larger ones
LEAST_OVERLAP = 0.45  # of heights, for a letter to belong to a line
MEMORY = 0.25  # weight of the newest letter in the moving average of its line's position
SMALL = 0.4  # of the usual height: dots, commas, dashes
DASH_WIDTHS = 0.3, 3.0  # of a hyphen beside capitals at least, of an em dash at most
MOST_DASHES = 4  # in a row, as in `==`; more are a dashed rule
MOST_NILS = 2  # dashes of a cell without letters
STEEPEST, ANGLE_STEP = 3.0, 0.1  # degrees
FEWEST_FOR_ANGLE = 60


@dataclass(frozen=True)
class TextStretch:
    """letters: boxes float64 (letters, 4) from left to right; height: median of its letters."""

    letters: np.ndarray
    height: float

    @property
    def box(self) -> Box:
        left, top = self.letters[:, :2].min(axis=0)
        right, bottom = self.letters[:, 2:].max(axis=0)
        return float(left), float(top), float(right), float(bottom)

    @property
    def num_letters(self) -> float:
        """Approximate number of letters and spaces, also of touching ones: a letter is about as wide as high."""
        left, _, right, _ = self.box
        return (right - left) / self.height


def find_stretches(letters: np.ndarray, height: float) -> list[TextStretch]:
    """The stretches of a page with horizontal lines. `letters`: float64 (letters, 4); `height`: of a usual one."""
    letters = _parted(letters, height)
    small = letters[:, 3] - letters[:, 1] < SMALL * height
    dash = np.zeros(len(letters), bool)
    dash[small] = _are_dashes(letters[small], letters[~small], height)
    whole, dashes = letters[~small], letters[dash]
    boxes = np.concatenate([whole, _raised(dashes, height)])
    lines = _chained(boxes, height)
    of_letters = [np.array(line) for line in lines if min(line) < len(whole)]
    stretches = _gathered([_stretch(_levelled(boxes[line], line >= len(whole))) for line in of_letters])
    stretches = [stretch for stretch in stretches if _is_print(stretch, height)]
    alone = [line for line in lines if min(line) >= len(whole)]
    words = np.array([stretch.box for stretch in stretches if len(stretch.letters) > 1]).reshape(-1, 4)
    nils = [line for line in alone if len(line) <= MOST_NILS and _is_cell(boxes[line], words, height)]
    others = [number - len(whole) for line in alone if line not in nils for number in line]
    stretches += [_stretch(boxes[line]) for line in nils]
    return _with_marks(stretches, np.concatenate([letters[small & ~dash], dashes[others]]), height)


def skew(letters: np.ndarray, height: float) -> float:
    """The angle of the lines of print in degrees, clockwise positive; 0 if there is too little print.

    At this angle the lower edges of the letters fall on the fewest levels (projection profile).
    """
    usual = letters[(letters[:, 3] - letters[:, 1] > 0.6 * height) & (letters[:, 3] - letters[:, 1] < 2.5 * height)]
    if len(usual) < FEWEST_FOR_ANGLE:
        return 0.0
    angles = np.arange(-STEEPEST, STEEPEST + ANGLE_STEP / 2, ANGLE_STEP)
    sharpness = np.array([_sharpness(usual, angle, height) for angle in angles])
    best = int(sharpness.argmax())
    level = sharpness[len(angles) // 2]
    return float(angles[best]) if sharpness[best] > 1.1 * level else 0.0


def median(values: np.ndarray) -> float:
    """The median of at least one number; for few numbers ten times as fast as numpy's."""
    ordered, half = np.sort(values), len(values) // 2
    return float((ordered[half] + ordered[-1 - half]) / 2)


def _sharpness(letters: np.ndarray, angle: float, height: float) -> float:
    middles = letters[:, [0, 2]].mean(axis=1)
    levels = letters[:, 3] - middles * np.tan(np.deg2rad(angle))
    counts = np.bincount(((levels - levels.min()) / (0.25 * height)).astype(int))
    return float((counts.astype(float) ** 2).sum())


def _parted(letters: np.ndarray, height: float) -> np.ndarray:
    """Splits marks over several lines, of words whose descenders touch a letter below, between the lines.

    The lines are found from usual letters near the mark; a capital of a heading has those of one line at most. An
    initial, with letters of several lines to its right and none to its left, is not split.
    """
    heights = letters[:, 3] - letters[:, 1]
    middles = letters[:, 1::2].mean(axis=1)
    is_usual = (heights > 0.6 * height) & (heights < 1.8 * height)
    tall = heights > 2.2 * height
    parts = [letters[~tall]]
    for left, top, right, bottom in letters[tall]:
        near = is_usual & (letters[:, 2] > left - 4 * height) & (letters[:, 0] < right + 4 * height)
        near &= (middles > top) & (middles < bottom)
        is_letter = 0.6 < (right - left) / (bottom - top) < 1.3
        is_initial = is_letter and not (letters[near, 0] < left).any()
        levels = np.sort(middles[near]) if not is_initial else np.empty(0)
        apart = np.diff(levels) > 0.8 * height
        cuts = [top, *((levels[:-1] + levels[1:]) / 2)[apart], bottom]
        parts.append(np.array([(left, above, right, below) for above, below in pairwise(cuts)]))
    return np.concatenate(parts)


def _are_dashes(marks: np.ndarray, letters: np.ndarray, height: float) -> np.ndarray:
    """Which small marks are hyphens, dashes or strokes of signs such as `=`, by their shape.

    Not parts of a dashed rule, nor of broken letters, which have the rest of the letter above or below.
    """
    widths, heights = (marks[:, 2:] - marks[:, :2]).T
    least, most = np.multiply(DASH_WIDTHS, height)
    flat = np.flatnonzero((widths >= least) & (widths <= most) & (widths >= 2 * heights))
    alone = np.array([number for number in flat if not _has_near(marks[number], letters, height)], int)
    are_dashes = np.zeros(len(marks), bool)
    for run in _chained(_raised(marks[alone], height), height):
        are_dashes[alone[run]] = len(run) <= MOST_DASHES
    return are_dashes


def _has_near(mark: np.ndarray, letters: np.ndarray, height: float) -> bool:
    """Whether one of the letters is right above, below or around a mark."""
    left, top, right, bottom = mark + np.array([0.1, -0.5, -0.1, 0.5]) * height
    is_near = (letters[:, 0] < right) & (letters[:, 2] > left) & (letters[:, 1] < bottom) & (letters[:, 3] > top)
    return bool(is_near.any())


def _raised(dashes: np.ndarray, height: float) -> np.ndarray:
    """The dashes as high as letters around them: a dash belongs to a line and bridges its gap as a letter does."""
    middles = dashes[:, 1::2].mean(axis=1)
    return np.stack([dashes[:, 0], middles - height / 2, dashes[:, 2], middles + height / 2], axis=1)


def _levelled(letters: np.ndarray, is_dash: np.ndarray) -> np.ndarray:
    """The letters of a line, its dashes as high as the other letters of this line, whatever its size."""
    for side in (1, 3):
        letters[is_dash, side] = median(letters[~is_dash, side])
    return letters


def _is_cell(dashes: np.ndarray, words: np.ndarray, height: float) -> bool:
    """Whether dashes alone are a cell of a table: halfway up a word beside them and near one above or below.

    `words`: boxes of stretches of several letters. A dash that touches one is a part of a broken letter.
    """
    left, top = dashes[:, :2].min(axis=0)
    right, bottom = dashes[:, 2:].max(axis=0)
    aside = np.maximum(words[:, 0] - right, left - words[:, 2]) / height  # negative: they share a column
    apart = np.maximum(words[:, 1] - bottom, top - words[:, 3]) / height
    share = ((top + bottom) / 2 - words[:, 1]) / (words[:, 3] - words[:, 1])
    if ((aside < 0.3) & (apart < 0)).any():
        return False
    in_row = (share > 0.25) & (share < 0.75) & (words[:, 3] - words[:, 1] < 3 * height)
    return bool(in_row.any() and ((aside < 0.5) & (apart >= 0) & (apart < 4)).any())


def _chained(letters: np.ndarray, height: float) -> list[list[int]]:
    """Numbers of letters from left to right, each added to the line that it continues, or starting a new one."""
    band = np.empty((len(letters), 3))  # for every line: top and bottom of its band, and its right end
    lines: list[list[int]] = []
    for place in np.argsort(letters[:, 0], kind="stable").tolist():
        letter = letters[place]
        number = _continued(band[: len(lines)], letter, height)
        if number is None:
            band[len(lines)] = letter[1], letter[3], letter[2]
            lines.append([place])
            continue
        lines[number].append(place)
        line = band[number]
        line[:2] += MEMORY * (letter[[1, 3]] - line[:2])
        line[2] = max(line[2], letter[2])
    return lines


def _continued(band: np.ndarray, letter: np.ndarray, height: float) -> int | None:
    """The line whose band the letter overlaps most; None if it overlaps too little with all that end nearby."""
    left, top, _, bottom = letter
    tall = band[:, 1] - band[:, 0]
    shared = (np.minimum(band[:, 1], bottom) - np.maximum(band[:, 0], top)) / np.minimum(tall, bottom - top)
    reach = WIDEST_GAP * np.minimum(np.maximum((tall + bottom - top) / 2, 0.8 * height), 4 * height)
    shared[(left - band[:, 2] > reach) | (tall > 4 * (bottom - top)) | (bottom - top > 4 * tall)] = 0
    if len(shared) == 0 or shared.max() < LEAST_OVERLAP:
        return None
    nearness = (left - band[:, 2]) / reach
    return int((shared - 0.3 * np.maximum(nearness, 0)).argmax())


def _gathered(stretches: list[TextStretch]) -> list[TextStretch]:
    """Joins stretches that lie over a larger one, such as quotation marks and dashes, with it."""
    boxes = np.array([stretch.box for stretch in stretches]).reshape(-1, 4)
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    bands = np.array([_band(stretch) for stretch in stretches]).reshape(-1, 4)
    gathered: dict[int, list[np.ndarray]] = {}
    for number in np.argsort(-areas, kind="stable"):
        box = boxes[number]
        kept = list(gathered)
        shared = np.minimum(bands[kept, 2:], box[2:]) - np.maximum(bands[kept, :2], box[:2])
        holds = shared.clip(0).prod(axis=1) > 0.5 * areas[number]
        target = kept[int(holds.argmax())] if holds.any() else int(number)
        gathered.setdefault(target, []).append(stretches[number].letters)
    return [
        TextStretch(_from_left(np.concatenate(letters)), stretches[number].height)
        for number, letters in gathered.items()
    ]


def _band(stretch: TextStretch) -> Box:
    """The box of a stretch without what is far higher or lower than its usual letters, such as part of a picture."""
    left, top, right, bottom = stretch.box
    tops, bottoms = stretch.letters[:, 1], stretch.letters[:, 3]
    room = 1.2 * stretch.height  # for ascenders and quotation marks
    return left, max(top, median(tops) - room), right, min(bottom, median(bottoms) + room)


def _with_marks(stretches: list[TextStretch], marks: np.ndarray, height: float) -> list[TextStretch]:
    """Adds each mark to the stretch whose band it is in or next to; isolated marks are dropped."""
    boxes = np.array([stretch.box for stretch in stretches]).reshape(-1, 4) + np.array([-1, -0.1, 1, 0.3]) * height
    added: dict[int, list[np.ndarray]] = {}
    for mark in marks:
        x, y = (mark[:2] + mark[2:]) / 2
        holds = (boxes[:, 0] < x) & (x < boxes[:, 2]) & (boxes[:, 1] < y) & (y < boxes[:, 3])
        if holds.any():
            off = np.abs(boxes[:, 1] + boxes[:, 3] - 2 * y)
            added.setdefault(int(np.where(holds, off, np.inf).argmin()), []).append(mark)
    return [
        TextStretch(_from_left(np.stack([*stretch.letters, *added.get(number, [])])), stretch.height)
        for number, stretch in enumerate(stretches)
    ]


def _stretch(letters: np.ndarray) -> TextStretch:
    return TextStretch(_from_left(letters), median(letters[:, 3] - letters[:, 1]))


def _from_left(letters: np.ndarray) -> np.ndarray:
    return letters[np.argsort(letters[:, 0], kind="stable")]


def _is_print(stretch: TextStretch, height: float) -> bool:
    """Whether this looks like letters on a line and not like parts of a drawing or a photograph."""
    if len(stretch.letters) <= 2:
        return 0.75 * height <= stretch.height <= 4 * height
    left, _, right, _ = stretch.box
    lower = stretch.letters[:, 3]
    unsteady = median(np.abs(lower - median(lower))) / stretch.height
    crowded = float((stretch.letters[:, 2] - stretch.letters[:, 0]).sum()) / (right - left)
    return unsteady < 0.5 and crowded < 2
