"""A KV cache whose shapes do not change while it fills, so that a step can be compiled, or captured as a CUDA graph."""

from __future__ import annotations

import torch
from torch import Tensor

from demiglace.batch import PADDING
from demiglace.model.kv_cache import KVCache
from demiglace.model.layers import visibility


class FixedKVCache(KVCache):
    """The tensors of another cache, filled further: a step sees the whole capacity, and what is not filled is hidden.

    `filled`, int64 (1,), is on the device, for the host would have to name another place in every step. There is no
    check of the capacity: whoever takes steps knows how many there are.
    """

    def __init__(self, cache: KVCache) -> None:
        self.keys, self.values, self.positions, self.segments = (
            cache.keys,
            cache.values,
            cache.positions,
            cache.segments,
        )
        self.capacity, self.length = cache.capacity, cache.capacity
        self.filled = torch.tensor([cache.length], device=cache.keys.device)
        for held in (self.keys, self.values):
            held[..., cache.length :, :].zero_()  # hidden, but no NaN may be multiplied by nothing

    def advance(self, positions: Tensor, segments: Tensor) -> tuple[Tensor, Tensor]:
        """Make room for one token of each row; positions and segments of the whole capacity (rows, capacity)."""
        self.positions.index_copy_(1, self.filled, positions)
        self.segments.index_copy_(1, self.filled, segments)
        self.filled += 1
        return self.positions, self.segments

    def visible(self, positions: Tensor, segments: Tensor) -> Tensor | None:
        """As `KVCache.visible`; the device is not asked whether it could be plainer."""
        return visibility(positions, segments, *self.advance(positions, segments), may_be_plain=False)

    def append(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Store keys and values (rows, num_kv_heads, 1, head_dim) of a layer; all of that layer."""
        place = self.filled - 1
        self.keys[layer].index_copy_(2, place, keys)
        self.values[layer].index_copy_(2, place, values)
        return self.keys[layer], self.values[layer]

    def hide_behind_filled(self) -> None:
        """Take back what was filled after `filled` was set back."""
        behind = torch.arange(self.capacity, device=self.segments.device) >= self.filled
        self.segments.masked_fill_(behind, PADDING)
