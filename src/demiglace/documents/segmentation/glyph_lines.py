"""From placed glyphs or words to lines, and from lines to blocks in reading order (ours).

All lengths are in pixels. A piece is a glyph or a word: left and right edge, baseline, and size of its letters (em).
"""

from __future__ import annotations

import numpy as np

MAX_LINES = 1500  # of a page; memory and time grow with their number squared and cubed
WIDEST_SPACE = 1.6  # em: a wider gap separates two lines, whatever the other gaps are,
WIDEST_OF_FEW = 1.0  # em: or this in a line of few gaps, which is probably a row of cells and not justified text
NARROWEST_GUTTER = 0.8  # em: a narrower gap never separates

_MOST_BASELINE_SHIFT = 0.45  # em: super- and subscripts belong to their line
_MOST_GROWTH = 2.5  # ratio of neighbouring letters in a line; an initial that spans lines is larger
_MOST_PITCH = 1.75  # em between baselines in one block
_USUAL_SPACE = 0.3  # em
_FEWEST_SPACES = 4  # besides a wide one in a line of justified text


def find_lines(spans: np.ndarray, baselines: np.ndarray, ems: np.ndarray) -> list[np.ndarray]:
    """Indices of the pieces in each line, from left to right.

    spans (pieces, 2), baselines (pieces,), ems (pieces,). Consecutive pieces in the file form a run as long as they
    continue each other; runs are joined along a baseline in any order, and lines are split at `wide_gaps`.
    """
    if not len(spans):
        return []
    lines = []
    for line in _joined(_runs(spans, baselines, ems), spans, baselines, ems):
        line = line[np.argsort(spans[line, 0], kind="stable")]
        lines.extend(np.split(line, wide_gaps(spans[line], float(ems[line].max()))))
    return lines


def wide_gaps(spans: np.ndarray, em: float) -> list[int]:
    """Indices of the pieces before which a line is split; spans (pieces, 2) are sorted from left to right.

    A gap splits if it is wider than `WIDEST_SPACE` (`WIDEST_OF_FEW` if there are few), or than both `NARROWEST_GUTTER`
    and 2.2 times the other spaces. So columns and cells are separated, and wide spaces in justified text are not.
    """
    gaps = (spans[1:, 0] - np.maximum.accumulate(spans[:-1, 1])) / em
    spaces = np.flatnonzero(gaps > 0.15)
    usual = _medians_of_others(gaps[spaces]) if len(spaces) > 1 else _USUAL_SPACE
    widest = WIDEST_SPACE if len(spaces) > _FEWEST_SPACES else WIDEST_OF_FEW
    return (spaces[gaps[spaces] > np.clip(2.2 * usual, NARROWEST_GUTTER, widest)] + 1).tolist()


def find_blocks(boxes: np.ndarray, baselines: np.ndarray, ems: np.ndarray) -> list[list[int]]:
    """Indices of the lines in each block, from top to bottom; the blocks are in reading order.

    boxes (lines, 4), baselines (lines,), ems (lines,). Two lines belong together if they are each other's nearest above
    and below, overlap by half of the shorter one, and have size and distance of running text.
    Raises ValueError for more than `MAX_LINES`.
    """
    if len(boxes) > MAX_LINES:
        raise ValueError(f"its text is in {len(boxes)} lines, more than the {MAX_LINES} taken")
    if not len(boxes):
        return []
    below = _next_below(boxes, baselines, ems)
    firsts = sorted(set(range(len(boxes))) - set(below.values()))
    blocks = [part for first in firsts for part in block_parts(_chain(first, below), boxes)]
    hulls = np.array([[*boxes[block, :2].min(0), *boxes[block, 2:].max(0)] for block in blocks])
    return [blocks[number] for number in block_order(hulls)]


def block_parts(block: list[int], boxes: np.ndarray) -> list[list[int]]:
    """The block, split so that the hull of each part covers the middle of no line outside of the block."""
    middles = np.delete(boxes, block, axis=0).reshape(-1, 2, 2).mean(1)
    parts: list[list[int]] = []
    hull = boxes[block[0]]
    for number in block:
        wider = np.concatenate([np.minimum(hull, boxes[number])[:2], np.maximum(hull, boxes[number])[2:]])
        is_alone = not ((middles > wider[:2]) & (middles < wider[2:])).all(-1).any()
        if parts and is_alone:
            parts[-1].append(number)
            hull = wider
        else:
            parts.append([number])
            hull = boxes[number]
    return parts


def block_order(boxes: np.ndarray) -> list[int]:
    """Indices of the boxes (n, 4) in reading order.

    Of two boxes that overlap horizontally, the upper comes first; of two side by side, the left one, unless a third
    that spans both is between them in height (Breuel 2003, "High performance document layout analysis").
    """
    before = _precedence(boxes)
    waiting = sorted(range(len(boxes)), key=lambda number: (boxes[number, 1], boxes[number, 0]))
    order = []
    while waiting:
        blockers = before[np.ix_(waiting, waiting)].sum(0)
        order.append(waiting.pop(int(blockers.argmin())))  # if the rules are circular: the least contradicted
    return order


def _runs(spans: np.ndarray, baselines: np.ndarray, ems: np.ndarray) -> list[np.ndarray]:
    larger = np.maximum(ems[1:], ems[:-1])
    step = spans[1:, 0] - spans[:-1, 1]
    level = np.abs(np.diff(baselines)) <= _MOST_BASELINE_SHIFT * larger
    alike = larger <= _MOST_GROWTH * np.minimum(ems[1:], ems[:-1])
    near = (step >= -0.5 * larger) & (step <= _USUAL_SPACE * larger)  # no room for a later word in between
    return np.split(np.arange(len(spans)), np.flatnonzero(~(level & alike & near)) + 1)


def _joined(runs: list[np.ndarray], spans: np.ndarray, baselines: np.ndarray, ems: np.ndarray) -> list[np.ndarray]:
    """Joins each run with the nearest following one on its baseline, unless another run is nearer to that one."""
    em = np.array([ems[run].max() for run in runs])
    baseline = np.array([np.median(baselines[run[ems[run] >= 0.9 * ems[run].max()]]) for run in runs])
    left = np.array([spans[run, 0].min() for run in runs])
    right = np.array([spans[run, 1].max() for run in runs])
    nearest_to: dict[int, tuple[float, int]] = {}  # a run -> distance of the nearest run that ends before it, and which
    for number in range(len(runs)):
        larger = np.maximum(em, em[number])
        step = left - right[number]
        level = np.abs(baseline - baseline[number]) <= _MOST_BASELINE_SHIFT * larger
        alike = larger <= _MOST_GROWTH * np.minimum(em, em[number])
        near = (left > left[number]) & (step >= -0.3 * larger) & (step <= WIDEST_SPACE * larger)
        step = np.where(level & alike & near, step, np.inf)
        nearest = int(step.argmin())
        if step[nearest] < nearest_to.get(nearest, (np.inf, 0))[0]:
            nearest_to[nearest] = float(step[nearest]), number
    following = {number: nearest for nearest, (_, number) in nearest_to.items()}
    starts = sorted(set(range(len(runs))) - set(following.values()))
    return [np.concatenate([runs[number] for number in _chain(start, following)]) for start in starts]


def _chain(start: int, following: dict[int, int]) -> list[int]:
    chain = [start]
    while chain[-1] in following:
        chain.append(following[chain[-1]])
    return chain


def _medians_of_others(values: np.ndarray) -> np.ndarray:
    """For each of `values` (at least two), the median of all others."""
    ordered, ranks = np.sort(values), values.argsort().argsort()
    middles = [(len(values) - 2) // 2, (len(values) - 1) // 2]  # places among the others
    return np.mean([ordered[place + (ranks <= place)] for place in middles], axis=0)


def _next_below(boxes: np.ndarray, baselines: np.ndarray, ems: np.ndarray) -> dict[int, int]:
    left, _, right, _ = boxes.T
    shared = np.minimum.outer(right, right) - np.maximum.outer(left, left)
    together = shared >= 0.5 * np.minimum.outer(right - left, right - left)
    pitch = baselines[None] - baselines[:, None]
    em = np.maximum.outer(ems, ems)
    distance = np.where(together & (pitch > 0.3 * em), pitch, np.inf)
    below, above = distance.argmin(1), distance.argmin(0)
    linked = (em <= 1.25 * np.minimum.outer(ems, ems)) & (distance <= _MOST_PITCH * em)
    return {upper: int(lower) for upper, lower in enumerate(below) if linked[upper, lower] and above[lower] == upper}


def _precedence(boxes: np.ndarray) -> np.ndarray:
    """bool (n, n): whether the box of the row is read before the box of the column."""
    left, top, right, bottom = boxes.T
    middle = (top + bottom) / 2
    overlapping = np.minimum.outer(right, right) > np.maximum.outer(left, left)
    above = middle[:, None] < middle[None]
    beside = ~overlapping & (left[:, None] < left[None])
    for number in range(len(boxes)):
        spanning = overlapping[number][:, None] & overlapping[number][None]
        between = (above[:, number][:, None] & above[number][None]) | (above[number][:, None] & above[:, number][None])
        beside &= ~(spanning & between)
    return (overlapping & above) | beside
