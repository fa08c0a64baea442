"""One prepared conversation: tokens, visual places and patches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from demiglace.batch import Visual, joined_run_lengths


@dataclass(frozen=True)
class Sample:
    """One conversation, ready for a batch.

    tokens: int64 (length,), with a placeholder for each visual token.
    visual_places: int64 (visual,), indices of the placeholders.
    visual: the pictures, None if there are none.
    labels: int64 (length,), the token to be learned at each place or `IGNORE`; None outside training.
    sizes: (width, height) of the pictures or pages of each part other than text, in order; a video has none.
    """

    tokens: Tensor
    visual_places: Tensor
    visual: Visual | None = None
    labels: Tensor | None = None
    sizes: tuple[tuple[tuple[int, int], ...], ...] = ()


def joined(visuals: Sequence[Visual]) -> Visual | None:
    """The pictures of all, in order; None if there are none."""
    if len(visuals) < 2:
        return visuals[0] if visuals else None
    return Visual(
        torch.cat([visual.patches for visual in visuals]),
        torch.cat([visual.grids for visual in visuals]),
        torch.cat([visual.package_sizes for visual in visuals]),
        torch.cat([visual.ticks for visual in visuals]),
        joined_run_lengths(visuals),
    )
