"""The model's input: rows of tokens, and the image patches whose visual tokens fill places among them.

One of the two contracts on the ground floor (the other is `conversation`): `processing` makes
a `Batch`, `model` reads it, and neither imports the other.

Axes: rows, length (tokens of a row), patches, places (of patches, in the grids of pictures), pictures (slices or
frames), packages (pictures that share one set of visual tokens), visual (visual tokens of the whole batch).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

STILL = -1  # tick of a picture outside time; the released code's temporal id of images
IGNORE = -100  # label of a token that is not learned
PADDING = 0  # segment of a place that belongs to no sample


@dataclass(frozen=True)
class Visual:
    """Pictures cut into patches, one after the other.

    patches: float (patches, 3 * patch_size**2); channel, row, column inside a patch; patches of a picture row-major.
    grids: int64 (pictures, 2), height and width in patches; their products sum to `places`, all of which have a patch
        unless `run_lengths` says otherwise.
    package_sizes: int64 (packages,), consecutive pictures of each package; 1 for images; sums to `pictures`.
    ticks: int64 (pictures,), time in 0.1 s, or `STILL`.
    run_lengths: int64 (places,), None if every place has a patch. The number of consecutive pictures, including its own
        as the first, that a place's patch stands for; 0 if an earlier picture's patch stands for it and `patches` has
        none. A picture that lacks a patch follows one with the same grid in its package. They sum to `places`.
    """

    patches: Tensor
    grids: Tensor
    package_sizes: Tensor
    ticks: Tensor
    run_lengths: Tensor | None = None

    def __post_init__(self) -> None:
        held, announced = self.patches.shape[0], int(self.grids.prod(dim=1).sum())
        if self.run_lengths is not None:
            if (standing := int(self.run_lengths.sum())) != announced or len(self.run_lengths) != announced:
                raise ValueError(
                    f"{len(self.run_lengths)} run lengths of sum {standing}, but the grids announce {announced} places"
                )
            announced = int(self.run_lengths.count_nonzero())
        if held != announced:
            raise ValueError(f"{held} patches, but the grids announce {announced}")
        pictures, grouped = self.grids.shape[0], int(self.package_sizes.sum())
        if pictures != grouped:
            raise ValueError(f"{pictures} pictures, but the packages hold {grouped}")
        if pictures != self.ticks.shape[0]:
            raise ValueError(f"{pictures} pictures, but {self.ticks.shape[0]} ticks")

    def to(self, device: torch.device | str, dtype: torch.dtype | None = None) -> Visual:
        """A copy on `device`; `dtype` applies only to the patches.

        Grids, package sizes and run lengths stay where they are: they determine shapes, and the host would have to wait
        for them.
        """
        return replace(self, patches=to_device(self.patches.to(dtype), device), ticks=to_device(self.ticks, device))

    @property
    def kept(self) -> Tensor | None:
        """bool (places,): which places have a patch; None if all do."""
        return None if self.run_lengths is None else self.run_lengths > 0


@dataclass(frozen=True)
class Batch:
    """Rows of samples, padded or packed.

    tokens: int64 (rows, length).
    positions: int64 (rows, length), counted from 0 in each sample.
    segments: int64 (rows, length), number of the sample in its row from 1; `PADDING` belongs to none.
        A token attends to tokens of its own segment at its own position or before; there is no other mask.
    visual_places: int64 (visual,), indices into `tokens.flatten()` that visual tokens fill, in order.
    visual: the pictures, None if there are none.
    labels: int64 (rows, length), the token to be predicted *at* each place from those before it; `IGNORE` has no loss.
    """

    tokens: Tensor
    positions: Tensor
    segments: Tensor
    visual_places: Tensor
    visual: Visual | None = None
    labels: Tensor | None = None

    @property
    def num_learned(self) -> int:
        """Number of tokens with a loss; the first of a row has none, since no token precedes it."""
        return 0 if self.labels is None else int((self.labels[:, 1:] != IGNORE).sum())

    def to(self, device: torch.device | str, dtype: torch.dtype | None = None) -> Batch:
        """A copy on `device`; `dtype` applies only to the patches."""
        return replace(
            self,
            tokens=to_device(self.tokens, device),
            positions=to_device(self.positions, device),
            segments=to_device(self.segments, device),
            visual_places=to_device(self.visual_places, device),
            visual=None if self.visual is None else self.visual.to(device, dtype),
            labels=None if self.labels is None else to_device(self.labels, device),
        )


def joined_run_lengths(visuals: Sequence[Visual]) -> Tensor | None:
    """int64 (places,) of all, in order; None if all places have a patch."""
    if all(visual.run_lengths is None for visual in visuals):
        return None
    return torch.cat(
        [
            torch.ones(int(visual.grids.prod(dim=1).sum()), dtype=torch.int64)
            if visual.run_lengths is None
            else visual.run_lengths
            for visual in visuals
        ]
    )


def to_device(tensor: Tensor, device: torch.device | str) -> Tensor:
    """A tensor on `device`. A copy from the host to a GPU uses pinned memory, so that it does not block."""
    if torch.device(device).type == "cuda" and tensor.device.type == "cpu":
        return tensor.contiguous().pin_memory().to(device, non_blocking=True)
    return tensor.to(device)
