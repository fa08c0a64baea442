"""Cells of tables that stand closer than words do: what parts them is a rule, or a change of the background (ours)."""

from __future__ import annotations

import numpy as np

from demiglace.documents.text_layer.pdf_glyphs import LEAST_CONTRAST, Glyphs

_RISE, _FALL = 0.7, 0.2  # em above and below the baseline: a rule between two letters is as high,
_ABOVE, _BELOW = 2.2, 1.7  # and within these, em above and below,
_LEAST_HEIGHT = 2.0  # it has this many em; a frame around a word in running text does not
_LEAST_INKED = 0.9  # share of its pixels that show


def vertical_edges(bare: np.ndarray) -> np.ndarray:
    """bool (height, width): where a page without its text, uint8 (height, width, 3), changes from left to right."""
    steps = np.abs(np.diff(bare.astype(np.int16), axis=1)).max(-1) >= LEAST_CONTRAST
    return np.pad(steps, ((0, 0), (1, 0)))


def ruled_gaps(line: Glyphs, edges: np.ndarray) -> list[int]:
    """Indices of the glyphs of a line, from left to right, before which a vertical rule or edge runs."""
    em, baseline = float(line.ems.max()), float(np.median(line.baselines))
    beside = _rows(edges, baseline - _RISE * em, baseline + _FALL * em).mean(0) >= _LEAST_INKED
    is_rule = beside & (_rows(edges, baseline - _ABOVE * em, baseline + _BELOW * em).sum(0) >= _LEAST_HEIGHT * em)
    passed = np.append(0, is_rule.cumsum())
    starts = np.floor(np.maximum.accumulate(line.boxes[:-1, 2])).astype(int).clip(0, len(is_rule))
    stops = np.ceil(line.boxes[1:, 0]).astype(int).clip(0, len(is_rule)) + 1
    stops = np.clip(stops, starts, len(is_rule))
    return (np.flatnonzero(passed[stops] > passed[starts]) + 1).tolist()


def _rows(edges: np.ndarray, top: float, bottom: float) -> np.ndarray:
    first = max(0, min(int(top), len(edges) - 1))
    return edges[first : max(first + 1, int(np.ceil(bottom)))]
