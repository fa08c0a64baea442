"""Cuts a picture into an overview and slices, and these into patches (paper, section 2.1; LLaVA-UHD).

The overview shows the whole picture at about `scale_resolution`² pixels. A picture of more pixels is also cut into a
grid of slices of about that size each, so that small print stays legible. The arithmetic is the released code's, to
the pixel. Sizes are (width, height) in pixels and grids of slices (columns, rows), as in PIL; only `patch_grid` puts
rows first, as tensors do.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from demiglace.fields import Field, Switch, Whole, check_attributes

if TYPE_CHECKING:
    from torch import Tensor

# From 448² : 1 on, the released arithmetic rounds the short side to zero and the picture to 14 x 14. Up to this limit,
# a slice of 448² pixels has at most 3,200 patches of 14²; a square one has 1,024.
MAX_ASPECT_RATIO = 10_000

SLICING: Mapping[str, Field] = {
    "scale_resolution": Whole(1, 8192),
    "patch_size": Whole(1, 512),
    "max_slices": Whole(1, 256),
    "upscale": Switch(),
}


@dataclass(frozen=True)
class SlicingConfig:
    """How pictures are cut; the defaults are the released `preprocessor_config.json`.

    scale_resolution: side in pixels of the square whose area an overview or a slice approaches.
    patch_size: side in pixels of a patch; all sides are rounded to multiples of it.
    max_slices: most slices of a picture, overview not counted; 1 means only the overview.
    upscale: True enlarges small pictures and slices to that area (released code); False keeps their size.
    """

    scale_resolution: int = 448
    patch_size: int = 14
    max_slices: int = 9
    upscale: bool = True

    def __post_init__(self) -> None:
        """Raises ValueError on values of another type or out of bounds."""
        check_attributes(self, SLICING)
        if self.scale_resolution < self.patch_size:
            raise ValueError(f"scale_resolution {self.scale_resolution} is below patch_size {self.patch_size}")


@dataclass(frozen=True)
class Plan:
    """How a picture of some size is cut.

    overview: (width, height) of the whole picture, resized.
    grid: (columns, rows) of slices; None if there is only the overview.
    refined: (width, height) to which the picture is resized before it is cut along `grid`; None without a grid.
    """

    overview: tuple[int, int]
    grid: tuple[int, int] | None = None
    refined: tuple[int, int] | None = None

    @property
    def num_pictures(self) -> int:
        """Overview and slices together."""
        return 1 if self.grid is None else 1 + self.grid[0] * self.grid[1]


def plan(width: int, height: int, config: SlicingConfig) -> Plan:
    """Sizes of the overview and the slices of a picture of `width` x `height` pixels.

    Raises ValueError on an empty picture and on an aspect ratio above `MAX_ASPECT_RATIO` : 1.
    """
    if width < 1 or height < 1:
        raise ValueError(f"a picture needs at least 1 x 1 pixels, got {width} x {height}")
    if max(width, height) > MAX_ASPECT_RATIO * min(width, height):
        raise ValueError(f"{width} x {height} pixels is longer than {MAX_ASPECT_RATIO}:1, the longest picture taken")
    grid = _best_grid(width, height, config)
    if grid is None:
        return Plan(_fit(width, height, config))
    columns, rows = grid
    cell = (_round_to(width, columns) / columns, _round_to(height, rows) / rows)
    slice_width, slice_height = _fit(*cell, config)
    return Plan(_fit(width, height, config), grid, (slice_width * columns, slice_height * rows))


def cut(picture: Image.Image, config: SlicingConfig) -> list[Image.Image]:
    """The overview of an RGB picture, then its slices row by row."""
    planned = plan(*picture.size, config)
    pictures = [picture.resize(planned.overview, Image.Resampling.BICUBIC)]
    if planned.grid is None or planned.refined is None:
        return pictures
    columns, rows = planned.grid
    width, height = planned.refined[0] // columns, planned.refined[1] // rows
    refined = picture.resize(planned.refined, Image.Resampling.BICUBIC)
    for row in range(rows):
        for column in range(columns):
            left, top = column * width, row * height
            pictures.append(refined.crop((left, top, left + width, top + height)))
    return pictures


def patch_grid(size: tuple[int, int], patch_size: int) -> tuple[int, int]:
    """(rows, columns) of patches in a picture of `size` (width, height); ValueError if a side is not a multiple."""
    width, height = size
    if width % patch_size or height % patch_size:
        raise ValueError(f"{width} x {height} pixels cannot be cut into patches of {patch_size} x {patch_size}")
    return height // patch_size, width // patch_size


def cut_patches(pixels: np.ndarray, patch_size: int) -> np.ndarray:
    """(height, width, ...) -> (patches, patch_size, patch_size, ...), patches row by row; errors as in `patch_grid`."""
    rows, columns = patch_grid((pixels.shape[1], pixels.shape[0]), patch_size)
    cells = pixels.reshape(rows, patch_size, columns, patch_size, *pixels.shape[2:])
    return cells.swapaxes(1, 2).reshape(rows * columns, patch_size, patch_size, *pixels.shape[2:])


def patchify(picture: Image.Image, patch_size: int) -> Tensor:
    """An RGB picture as float32 (patches, 3 * patch_size**2) in [-1, 1].

    Patches are in row-major order; the values inside a patch are ordered by channel, row, column.
    """
    import torch  # imported here, so that counting tokens with `plan` does not load torch

    cells = torch.from_numpy(cut_patches(np.array(picture), patch_size))  # (patches, row, column, channel)
    return to_unit_range(cells.permute(0, 3, 1, 2).flatten(1).float())


def to_unit_range(levels: Tensor) -> Tensor:
    """Float levels of 0 to 255 -> [-1, 1] (released code: mean and deviation 0.5)."""
    return (levels / 255 - 0.5) / 0.5


def _best_grid(width: int, height: int, config: SlicingConfig) -> tuple[int, int] | None:
    """(columns, rows) nearest to the picture's aspect ratio, with about as many slices as its area requires."""
    wanted = min(math.ceil(width * height / config.scale_resolution**2), config.max_slices)
    if wanted <= 1:
        return None
    counts = [count for count in (wanted - 1, wanted, wanted + 1) if 1 < count <= config.max_slices]
    grids = [(columns, count // columns) for count in counts for columns in range(1, count + 1) if count % columns == 0]
    shape = math.log(width / height)
    return min(grids, key=lambda grid: abs(shape - math.log(grid[0] / grid[1])))  # the first if equal


def _fit(width: float, height: float, config: SlicingConfig) -> tuple[int, int]:
    """The size at `scale_resolution`² pixels, in whole patches; a smaller one is kept unless `upscale` is set."""
    if config.upscale or width * height > config.scale_resolution**2:
        shape = width / height
        height = int(config.scale_resolution / math.sqrt(shape))
        width = int(height * shape)
    return _round_to(width, config.patch_size), _round_to(height, config.patch_size)


def _round_to(length: float, step: int) -> int:
    return max(round(length / step) * step, step)
