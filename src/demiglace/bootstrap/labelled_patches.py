"""A picture cut into patches as by the processor, and the share of each class in each patch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from demiglace.processing import slicing


@dataclass(frozen=True)
class PicturePatches:
    """patches: uint8 (patches, patch_size**2 * 3), rows of a patch one after the other, red, green and blue together.

    grid: (height, width) in patches.
    """

    patches: np.ndarray
    grid: tuple[int, int]


def overview_patches(picture: Image.Image, config: slicing.SlicingConfig) -> tuple[PicturePatches, tuple[int, int]]:
    """The patches of an RGB picture as one slice, and the slice's width and height in pixels."""
    size = slicing.plan(*picture.size, config).overview
    cells = slicing.cut_patches(np.asarray(picture.resize(size, Image.Resampling.BICUBIC)), config.patch_size)
    return PicturePatches(cells.reshape(len(cells), -1), slicing.patch_grid(size, config.patch_size)), size


def class_shares(classes: np.ndarray, num_classes: int) -> np.ndarray:
    """Class of each pixel, int (patches, pixels) -> float32 (patches, num_classes); rows sum to 1."""
    return (classes[:, :, None] == np.arange(num_classes)).mean(axis=1, dtype=np.float32)
