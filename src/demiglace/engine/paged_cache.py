"""Keys and values in blocks, and the parts of them that a forward pass attends to."""

from __future__ import annotations

import torch
from torch import Tensor

from demiglace.batch import to_device
from demiglace.engine.sequence import Sequence
from demiglace.model.layers import visibility
from demiglace.model.qwen3 import Qwen3Config


class PagedCache:
    """Keys and values (num_layers, slots, num_kv_heads, head_dim), a slot for each token of every block.

    Block 0 stays zero: it is used as padding, and masked values must be finite.
    """

    def __init__(self, config: Qwen3Config, block_size: int, dtype: torch.dtype, device: torch.device) -> None:
        self.block_size = block_size
        shape = (config.num_layers, block_size, config.num_kv_heads, config.head_dim)
        self.keys = torch.zeros(shape, dtype=dtype, device=device)
        self.values = torch.zeros(shape, dtype=dtype, device=device)

    def grow(self, num_blocks: int) -> None:
        """Allocate blocks 0 to `num_blocks`."""
        num_layers, allocated, *rest = self.keys.shape
        slots = (num_blocks + 1) * self.block_size
        if slots > allocated:
            keys, values = (self.keys.new_empty(num_layers, slots, *rest) for _ in range(2))
            keys[:, :allocated], values[:, :allocated] = self.keys, self.values
            self.keys, self.values = keys, values

    def slots(self, sequence: Sequence, start: int, end: int) -> Tensor:
        """Slots of some tokens of a sequence, int64 (tokens,), on the device."""
        first = start // self.block_size
        blocks = torch.tensor(sequence.blocks[first : -(-end // self.block_size)], dtype=torch.int64)
        slots = (blocks.unsqueeze(1) * self.block_size + torch.arange(self.block_size)).flatten()
        return to_device(slots[start - first * self.block_size :][: end - start], self.keys.device)


class ChunkCache:
    """What the next chunks of some sequences attend to: tokens computed before, padded on the right, and their own.

    A cache for `forward`. The chunks are rows of one batch, padded on the right; padding is not stored.
    """

    def __init__(self, paged: PagedCache, sequences: list[Sequence], counts: list[int]) -> None:
        self.paged = paged
        device = paged.keys.device
        before = [sequence.num_computed for sequence in sequences]
        pairs = list(zip(sequences, before, counts, strict=True))
        self.new_slots = torch.cat([paged.slots(sequence, start, start + count) for sequence, start, count in pairs])
        self.before = torch.tensor(before, device=device).unsqueeze(1)
        self.old_slots = torch.zeros(len(sequences), max(before), dtype=torch.int64, device=device)
        for row, (sequence, start, _) in zip(self.old_slots, pairs, strict=True):
            row[:start] = paged.slots(sequence, 0, start)
        width = max(counts)
        real = torch.arange(width) < torch.tensor(counts).unsqueeze(1)
        self.real = None if min(counts) == width else to_device(real.flatten().nonzero().squeeze(1), device)

    def visible(self, positions: Tensor, segments: Tensor) -> Tensor | None:
        """The attention mask of the new tokens over those before and the new ones. On a CPU it is additive, because
        otherwise every layer would convert it again."""
        places = torch.arange(self.old_slots.shape[1], device=positions.device).expand(len(positions), -1)
        seen = (places < self.before).to(segments.dtype)
        keys = torch.cat([places, positions], dim=1), torch.cat([seen, segments], dim=1)
        visible = visibility(positions, segments, *keys)
        if visible is None or visible.is_cuda:
            return visible
        return torch.zeros_like(visible, dtype=self.paged.keys.dtype).masked_fill_(~visible, -torch.inf)

    def append(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Store the new keys and values (rows, num_kv_heads, new, head_dim) of a layer; returns all visible ones."""
        paged = self.paged
        return self._stored(paged.keys[layer], keys), self._stored(paged.values[layer], values)

    def _stored(self, cache: Tensor, new: Tensor) -> Tensor:
        """Store `new` in cache (slots, num_kv_heads, head_dim); returns it after the earlier ones."""
        flat = new.transpose(1, 2).flatten(0, 1)
        cache.index_copy_(0, self.new_slots, flat if self.real is None else flat[self.real])
        if not self.old_slots.shape[1]:
            return new
        old = cache.index_select(0, self.old_slots.flatten()).unflatten(0, self.old_slots.shape)
        return torch.cat([old.transpose(1, 2), new], dim=2)
