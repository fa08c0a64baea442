"""Packages of frames in which some patches stay as they are, as `Visual` without them."""

import torch

from demiglace.batch import STILL, Visual
from demiglace.processing.static_patches import without_static_patches


def frames(*packages: list[tuple[int, int]], values: int = 12, moving: float = 0.3, seed: int = 0) -> Visual:
    """All patches of packages of grids, of 8-bit levels. In a frame a share `moving` differs from the last one."""
    generator = torch.Generator().manual_seed(seed)
    patches = []
    for package in packages:
        last = torch.empty(0)
        for height, width in package:
            drawn = torch.randint(0, 256, (height * width, values), generator=generator) / 127.5 - 1
            moves = torch.rand(height * width, 1, generator=generator) < moving
            last = torch.where(moves, drawn, last) if len(last) == len(drawn) else drawn
            patches.append(last)
    ticks = [STILL if len(package) == 1 else 3 * frame for package in packages for frame in range(len(package))]
    grids = torch.tensor([grid for package in packages for grid in package])
    return Visual(torch.cat(patches), grids, torch.tensor(list(map(len, packages))), torch.tensor(ticks))


def without(visual: Visual) -> Visual:
    """Equal patches left out, of which there must be some."""
    found = without_static_patches(visual, 0)
    assert found.run_lengths is not None
    return found
