"""Boxes of the words of a crop: its text is parted where the gaps in its ink are wide."""

from __future__ import annotations

import numpy as np

from demiglace.documents.page import Box, around

CLEAR = 1.25  # the narrowest gap between words over the widest within one; less tells no words apart (ours)
WIDEST = 1.7  # times the usual width of its letters, and of half a letter more, that a word may have (ours)


def word_boxes(text: str, marks: np.ndarray) -> list[tuple[str, Box]]:
    """The words of `text` with the boxes of their ink; all of them as one, where its gaps do not tell them apart.

    `marks`: boxes float64 (marks, 4) of at least one mark of print, from left to right.
    """
    words = text.split()
    if not words:
        return []
    parts = _parts(words, marks)
    if parts is None:
        return [(" ".join(words), around(marks.tolist()))]
    return [(word, around(part.tolist())) for word, part in zip(words, parts, strict=True)]


def _parts(words: list[str], marks: np.ndarray) -> list[np.ndarray] | None:
    """The marks of each word; None if the gaps do not tell which they are, or not as wide ones as its letters."""
    gaps = marks[1:, 0] - np.maximum.accumulate(marks[:, 2])[:-1]
    order, count = np.argsort(-gaps, kind="stable"), len(words) - 1
    within = max(1.0, gaps[order[count:]].max(initial=0))
    if len(gaps) < count or gaps[order[:count]].min(initial=np.inf) <= CLEAR * within:
        return None
    parts = np.split(marks, np.sort(order[:count]) + 1)
    widths = np.array([part[:, 2].max() - part[:, 0].min() for part in parts])
    letters = np.array([len(word) for word in words])
    return parts if (widths <= WIDEST * (letters + 0.5) * widths.sum() / letters.sum()).all() else None
