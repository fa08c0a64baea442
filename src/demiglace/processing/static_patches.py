"""Static patches: patches of a package that do not change are encoded only once. An option, off by default.

A patch is static if it differs little from the patch last kept at its place, in an earlier picture of its package. The
difference is measured against the kept patch, so a slow change adds up until the patch is kept again. The resampler
weights a patch that stands for a run of pictures by the length of the run (`model.resampler`). After run-length
tokenization (Choudhury and others, 2024, arXiv 2411.05222); measure and rule are ours.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby

import torch
from torch import Tensor

from demiglace.batch import Visual

LEVELS_OF_UNIT = 127.5  # patches lie in [-1, 1], levels in 0 to 255


def without_static_patches(visual: Visual, threshold: float | None) -> Visual:
    """The same pictures without their static patches, which `run_lengths` then accounts for.

    threshold: largest root mean square difference of a static patch, over its pixels and channels, in levels of 0 to
    255 of the resized picture. 0 drops only equal patches; negative thresholds and None drop nothing.
    """
    if threshold is None or threshold < 0 or visual.package_sizes.max() == 1:
        return visual
    run_lengths = torch.cat([_run_lengths(pictures, threshold).flatten() for pictures in _sequences(visual)])
    kept = run_lengths > 0
    return visual if kept.all() else replace(visual, patches=visual.patches[kept], run_lengths=run_lengths)


def _sequences(visual: Visual) -> list[Tensor]:
    """Consecutive pictures of one package and one grid, each (pictures, places, values), in order."""
    ends = visual.package_sizes.cumsum(0).tolist()
    package_of = torch.repeat_interleave(torch.arange(len(ends)), visual.package_sizes).tolist()
    marks = zip(package_of, map(tuple, visual.grids.tolist()), strict=True)
    runs = [(height * width, len(list(alike))) for (_, (height, width)), alike in groupby(marks)]
    parts = visual.patches.split([places * count for places, count in runs])
    return [part.unflatten(0, (count, -1)) for part, (_, count) in zip(parts, runs, strict=True)]


def _run_lengths(pictures: Tensor, threshold: float) -> Tensor:
    """(pictures, places, values) -> int64 (pictures, places), as in `Visual`."""
    standing, since = pictures[0], [torch.zeros(pictures.shape[1], dtype=torch.int64)]
    for number, picture in enumerate(pictures[1:], 1):
        is_static = (picture - standing).square().mean(dim=1).sqrt() * LEVELS_OF_UNIT <= threshold
        standing = torch.where(is_static.unsqueeze(1), standing, picture)
        since.append(torch.where(is_static, since[-1], number))
    numbers = torch.stack(since)
    return torch.zeros_like(numbers).scatter_add_(0, numbers, torch.ones_like(numbers))
