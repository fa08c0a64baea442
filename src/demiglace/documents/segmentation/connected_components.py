"""Connected components of a mask, as boxes (only with numpy)."""

from __future__ import annotations

import numpy as np


def component_boxes(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Boxes and areas of the 8-connected components of True in `mask` (height, width).

    Boxes are int64 (components, 4): left, top, right, bottom, the last two one past the end; areas int64 (components,).
    """
    rows, starts, ends = runs(mask)
    labels = _labels(len(rows), *_touching(rows, starts, ends, mask.shape[1]))
    _, component = np.unique(labels, return_inverse=True)
    count = int(component.max(initial=-1)) + 1
    boxes = np.empty((count, 4), np.int64)
    boxes[:, :2], boxes[:, 2:] = np.iinfo(np.int64).max, 0
    np.minimum.at(boxes[:, 0], component, starts)
    np.minimum.at(boxes[:, 1], component, rows)
    np.maximum.at(boxes[:, 2], component, ends)
    np.maximum.at(boxes[:, 3], component, rows + 1)
    areas = np.bincount(component, weights=ends - starts, minlength=count).astype(np.int64)
    return boxes, areas


def runs(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Row, first column and one past the last column of every run of True along the rows, in reading order."""
    padded = np.pad(mask, ((0, 0), (1, 1)))
    edges = np.flatnonzero(padded[:, 1:] != padded[:, :-1])  # an even number in every row: starts and ends in turn
    rows, starts = np.divmod(edges[::2], mask.shape[1] + 1)
    return rows, starts, edges[1::2] % (mask.shape[1] + 1)


def _touching(rows: np.ndarray, starts: np.ndarray, ends: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of runs in neighbouring rows that touch, at a side or corner."""
    stride = width + 2  # keeps places of different rows apart
    below = (rows + 1) * stride
    first = np.searchsorted(rows * stride + ends, below + starts, side="left")
    last = np.searchsorted(rows * stride + starts, below + ends, side="right")
    counts = np.maximum(last - first, 0)
    upper = np.repeat(np.arange(len(rows)), counts)
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return upper, np.repeat(first, counts) + within


def _labels(count: int, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Equal labels for everything that the pairs (one, other) connect, by hooking roots and pointer jumping."""
    labels = np.arange(count)
    while len(one):
        low, high = np.sort([labels[one], labels[other]], axis=0)
        apart = low != high
        one, other = one[apart], other[apart]
        np.minimum.at(labels, high[apart], low[apart])
        while (jumped := labels[labels]).tobytes() != labels.tobytes():
            labels = jumped
    return labels
