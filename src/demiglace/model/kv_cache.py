"""Keys and values of the tokens seen so far, for rows that advance together.

Axes: rows, places, heads, head_dim.
"""

from __future__ import annotations

from collections.abc import Collection
from copy import copy
from typing import Protocol

import torch
from torch import Tensor

from demiglace.batch import PADDING
from demiglace.model.layers import visibility


class AttentionCache(Protocol):
    """What the decoder calls on a cache: `visible` once, then `append` in each layer, as in `KVCache`."""

    def visible(self, positions: Tensor, segments: Tensor) -> Tensor | None: ...

    def append(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]: ...


class KVCache:
    """Keys and values of the tokens seen so far, with their positions and segments: an argument of `forward`.

    All rows advance together; `drop` removes finished rows. Shapes: keys and values
    (num_layers, rows, num_kv_heads, capacity, head_dim), positions and segments (rows, capacity); the first `length`
    places are filled.
    """

    def __init__(
        self,
        num_layers: int,
        rows: int,
        num_kv_heads: int,
        capacity: int,
        head_dim: int,
        dtype: torch.dtype,
        device: torch.device | str,
    ) -> None:
        shape = (num_layers, rows, num_kv_heads, capacity, head_dim)
        self.keys = torch.empty(shape, dtype=dtype, device=device)
        self.values = torch.empty(shape, dtype=dtype, device=device)
        self.positions = torch.zeros((rows, capacity), dtype=torch.int64, device=device)
        self.segments = torch.full((rows, capacity), PADDING, dtype=torch.int64, device=device)
        self.capacity = capacity
        self.length = 0

    def advance(self, positions: Tensor, segments: Tensor) -> tuple[Tensor, Tensor]:
        """Make room for new tokens (rows, new); returns positions and segments of all tokens (rows, length).

        Raises ValueError if they do not fit.
        """
        start, end = self.length, self.length + positions.shape[1]
        if end > self.capacity:
            raise ValueError(f"{end} tokens do not fit a KV cache of {self.capacity}")
        self.positions[:, start:end] = positions
        self.segments[:, start:end] = segments
        self.length = end
        return self.positions[:, :end], self.segments[:, :end]

    def visible(self, positions: Tensor, segments: Tensor) -> Tensor | None:
        """`advance`, and the attention mask of the new tokens, as `causal_attention` takes it."""
        return visibility(positions, segments, *self.advance(positions, segments))

    def append(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Store the new keys and values (rows, num_kv_heads, new, head_dim) of a layer; returns all of that layer.

        Call `visible` once before the layers.
        """
        start = self.length - keys.shape[2]
        self.keys[layer, :, :, start : self.length] = keys
        self.values[layer, :, :, start : self.length] = values
        return self.keys[layer, :, :, : self.length], self.values[layer, :, :, : self.length]

    def drop(self, rows: Collection[int]) -> list[int]:
        """Remove `rows`; the last rows move into their places. Returns, for each place, the old number of its row."""
        order = list(range(self.keys.shape[1]))
        for row in sorted(rows, reverse=True):
            last = order.pop()
            if row < len(order):
                order[row] = last
        for place, row in enumerate(order):
            if place != row:
                for cached in (self.keys, self.values):
                    cached[:, place, :, : self.length] = cached[:, row, :, : self.length]
                self.positions[place], self.segments[place] = self.positions[row], self.segments[row]
        kept = self.rows(slice(len(order)))
        self.keys, self.values, self.positions, self.segments = kept.keys, kept.values, kept.positions, kept.segments
        return order

    def reorder(self, rows: Tensor, start: int) -> None:
        """Give each row the contents of the row in `rows`, int64 (rows,), from `start` on; before it they are equal."""
        for cached in (self.keys, self.values):
            filled = cached[:, :, :, start : self.length]
            filled.copy_(filled[:, rows])
        for numbers in (self.positions, self.segments):
            numbers[:, start : self.length] = numbers[rows, start : self.length]

    def rows(self, chosen: slice) -> KVCache:
        """Some of the rows as a separate cache that shares memory with this one."""
        view = copy(self)
        view.keys, view.values = self.keys[:, chosen], self.values[:, chosen]
        view.positions, view.segments = self.positions[chosen], self.segments[chosen]
        return view

    def repeated(self, times: int) -> KVCache:
        """A copy of the same capacity in which every row is repeated `times` times in succession."""
        num_layers, rows, heads, capacity, head_dim = self.keys.shape
        cache = KVCache(num_layers, rows * times, heads, capacity, head_dim, self.keys.dtype, self.keys.device)
        for target, source in ((cache.keys, self.keys), (cache.values, self.values)):
            target[:, :, :, : self.length] = source[:, :, :, : self.length].repeat_interleave(times, dim=1)
        cache.positions.copy_(self.positions.repeat_interleave(times, dim=0))
        cache.segments.copy_(self.segments.repeat_interleave(times, dim=0))
        cache.length = self.length
        return cache
