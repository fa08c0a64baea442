"""Simple pictures, with the share of each form and each colour in every patch.

An encoder that was trained only on text does not encode forms. One-word answers are too weak a signal to change that,
as for colours (ours).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from demiglace.bootstrap.labelled_patches import PicturePatches, class_shares, overview_patches
from demiglace.processing.slicing import SlicingConfig, cut_patches
from demiglace.simple_pictures.arrangement import random_arrangement
from demiglace.simple_pictures.drawn_items import COLOURS, OUTLINES, Canvas, Item, draw_items

FORMS = tuple(OUTLINES)
Size = tuple[int, int]


@dataclass(frozen=True)
class ItemSample(PicturePatches):
    """forms, colours: float32 (patches, 1 + names of `FORMS` or `COLOURS`), no item first; rows sum to 1."""

    forms: np.ndarray
    colours: np.ndarray

    def places(self, num_places: int) -> np.ndarray:
        """int64 (patches,): the place of each patch, row by row, from 0 to `num_places` - 1.

        With text the places follow the reading order, and the queries look for them. Without text they follow the order
        of patches, so that the visual tokens cover the whole picture.
        """
        return np.arange(len(self.patches)) * num_places // len(self.patches)

    def token_shares(self, num_tokens: int) -> tuple[np.ndarray, np.ndarray]:
        """Means of forms and colours over the patches of each place: (num_tokens, ...) each."""
        begins = np.arange(num_tokens) * len(self.patches) // num_tokens
        ends = np.maximum(begins + 1, -(-np.arange(1, num_tokens + 1) * len(self.patches) // num_tokens))
        spans = [slice(*span) for span in zip(begins, ends, strict=True)]
        forms, colours = (np.stack([one[span].mean(axis=0) for span in spans]) for one in (self.forms, self.colours))
        return forms, colours


def make_items(rng: np.random.Generator, config: SlicingConfig) -> ItemSample:
    """A picture of one to nine items, resized as by the processor."""
    drawn = random_arrangement(rng)
    cut, size = overview_patches(draw_items(drawn.canvas, drawn.items), config)
    forms = [1 + FORMS.index(item.form) for item in drawn.items]
    colours = [1 + COLOURS.index(item.colour) for item in drawn.items]
    return ItemSample(
        cut.patches,
        cut.grid,
        item_shares(drawn.canvas, drawn.items, forms, 1 + len(FORMS), size, config.patch_size),
        item_shares(drawn.canvas, drawn.items, colours, 1 + len(COLOURS), size, config.patch_size),
    )


def item_shares(
    canvas: Canvas, items: Sequence[Item], classes: Sequence[int], num_classes: int, size: Size, patch_size: int
) -> np.ndarray:
    """float32 (patches, num_classes): the share of each patch that items of each class cover, class 0 for none.

    An outline also covers its inside. size: width and height in pixels of the picture that is cut into patches.
    """
    covered = Image.new("L", size)
    pen = ImageDraw.Draw(covered)
    scale = np.array(size) / canvas.size
    for item, number in zip(items, classes, strict=True):
        pen.polygon([(float(x), float(y)) for x, y in item.corners() * scale], fill=number)
    cells = cut_patches(np.asarray(covered), patch_size)
    return class_shares(cells.reshape(len(cells), -1), num_classes)
