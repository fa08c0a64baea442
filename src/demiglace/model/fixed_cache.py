"""A KV cache of static shapes, so that a decoding step can be compiled or captured as a CUDA graph."""

from __future__ import annotations

import torch
from torch import Tensor

from demiglace.batch import PADDING
from demiglace.model.kv_cache import KVCache
from demiglace.model.layers import visibility


class FixedKVCache(KVCache):
    """Continues another cache in its tensors: a step sees the whole capacity, with unfilled places masked.

    `filled`, int64 (1,), is on the device, because an index from the host would change in every step. The capacity is
    not checked: the caller must know how many steps are left.
    """

    def __init__(self, cache: KVCache) -> None:
        self.keys, self.values = cache.keys, cache.values
        self.positions, self.segments = cache.positions, cache.segments
        self.capacity, self.length = cache.capacity, cache.capacity
        self.filled = torch.tensor([cache.length], device=cache.keys.device)
        for cached in (self.keys, self.values):
            cached[..., cache.length :, :].zero_()  # masked, but zero times NaN would be NaN

    def advance(self, positions: Tensor, segments: Tensor) -> tuple[Tensor, Tensor]:
        """Make room for one token of each row; returns positions and segments of all places (rows, capacity)."""
        self.positions.index_copy_(1, self.filled, positions)
        self.segments.index_copy_(1, self.filled, segments)
        self.filled += 1
        return self.positions, self.segments

    def visible(self, positions: Tensor, segments: Tensor) -> Tensor | None:
        """As `KVCache.visible`, but always a mask: testing for plain causal attention would synchronise the device."""
        return visibility(positions, segments, *self.advance(positions, segments), may_be_plain=False)

    def append(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Store keys and values (rows, num_kv_heads, 1, head_dim) of a layer; returns all of that layer."""
        place = self.filled - 1
        self.keys[layer].index_copy_(2, place, keys)
        self.values[layer].index_copy_(2, place, values)
        return self.keys[layer], self.values[layer]

    def hide_behind_filled(self) -> None:
        """Mask the places from `filled` on, after `filled` was set back."""
        behind = torch.arange(self.capacity, device=self.segments.device) >= self.filled
        self.segments.masked_fill_(behind, PADDING)
