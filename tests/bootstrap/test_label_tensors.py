"""Labels made on tensors are those made picture by picture."""

import numpy as np
import torch

from demiglace.batch import IGNORE
from demiglace.bootstrap.collate import PictureLabels
from demiglace.bootstrap.glyph_labels import NO_PLACE, label
from demiglace.bootstrap.label_tensors import label_pictures, letter_places

PATCH, GRID, NUM_PLACES, NUM_FRAMES, PER_TOKEN = 14, (5, 9), 64, 256, 4


def drawn(rng, count):
    """Classes and boxes of a text in two lines, some boxes overlapping and some empty or outside."""
    edges = np.sort(rng.uniform(-5, 14 * GRID[1] + 5, (2, count // 2 + 1)))
    tops = rng.uniform(0, 30, 2)
    boxes = np.concatenate(
        [np.stack([e[:-1], 0 * e[1:] + t, e[1:], 0 * e[1:] + t + 30], axis=1) for e, t in zip(edges, tops, strict=True)]
    )
    boxes[rng.integers(len(boxes)), 2] += 9.0
    return rng.integers(1, 112, len(boxes)), np.clip(boxes, 0, [126, 70, 126, 70]).astype(np.float32)


def padded(columns):
    width = max(map(len, columns))
    return torch.from_numpy(np.stack([np.pad(c, [(0, width - len(c))] + [(0, 0)] * (c.ndim - 1)) for c in columns]))


def test_labels_are_those_of_single_pictures():
    rng = np.random.default_rng(0)
    pictures = [drawn(rng, int(count)) for count in rng.integers(2, 60, 40)]
    classes, boxes = padded([c for c, _ in pictures]), padded([b for _, b in pictures])
    found = label_pictures(classes, boxes, GRID, PATCH, NUM_PLACES, NUM_FRAMES, PER_TOKEN)
    places = letter_places(classes, boxes, NUM_PLACES)
    for i, (one, box) in enumerate(pictures):
        wanted = label(one.astype(np.uint8), box.astype(float), GRID, PATCH, NUM_PLACES, NUM_FRAMES)
        patches, tokens = slice(45 * i, 45 * i + 45), slice(64 * i, 64 * i + 64)
        assert np.array_equal(found.cells[patches], wanted.cells)
        assert np.array_equal(found.cell_halves[patches], wanted.cell_halves)
        assert np.array_equal(
            found.places[patches], np.where(wanted.places == NO_PLACE, IGNORE, wanted.places.astype(int))
        )
        assert np.array_equal(found.frames[tokens].flatten(), wanted.frames)
        assert np.array_equal(found.frame_halves[tokens].flatten(), wanted.frame_halves)
        assert np.array_equal(places[i, : len(one)], wanted.letter_places)
    assert isinstance(found, PictureLabels)
    assert (found.cells > 0).any()
