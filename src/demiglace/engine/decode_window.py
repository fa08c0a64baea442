"""The keys and values of all running answers side by side, so that a decode step gathers nothing.

Gathering blocks anew at every step would copy all keys and values that are seen. Here a sequence is gathered once, when
it joins; then a step adds one column. Rows end at the same column, padding stands before them: all grow together, and
whoever joins or leaves moves no other. A block that becomes full is copied into the paged cache.
"""

from __future__ import annotations

import torch
from torch import Tensor

from demiglace.engine.paged_cache import PagedCache
from demiglace.engine.sequence import Sequence

SPARE_COLUMNS = 128  # free for coming tokens where rows are laid out anew (ours)


class DecodeWindow:
    """A cache as `forward` takes it, of one new token of each row. `sequences`: those of the rows, in their order.

    Keys and values (num_layers, rows, num_kv_heads, columns, head_dim); `starts` are the first columns of the rows,
    and `length` the end of all. What stands before a row is zero.
    """

    is_fixed = False

    def __init__(self, paged: PagedCache) -> None:
        self.paged = paged
        self.clear()

    def clear(self) -> None:
        num_layers, _, heads, head_dim = self.paged.keys.shape
        self.sequences: list[Sequence] = []
        self.starts: list[int] = []
        self.length = 0
        self.keys = self.paged.keys.new_zeros(num_layers, 0, heads, 0, head_dim)
        self.values = self.keys
        self._newest: list[Tensor] = []
        self._seen: list[Tensor] = []

    def show(self, sequences: list[Sequence]) -> None:
        """Have rows of these sequences alone, in any order."""
        wanted = set(sequences)
        for row in reversed(range(len(self.sequences))):
            sequence = self.sequences[row]
            if sequence not in wanted or self.length - self.starts[row] != sequence.num_computed:
                self._drop(row)
        held = set(self.sequences)
        if joining := [sequence for sequence in sequences if sequence not in held]:
            self._join(joining)

    def advance(self, positions: Tensor, segments: Tensor) -> tuple[Tensor, Tensor]:
        """Room for a token of each row; positions and segments of all tokens that are seen (rows, columns)."""
        if self.length == self.keys.shape[3]:
            self._lay_out(len(self.sequences), self.length - min(self.starts))
        rows, first, newest = slice(len(self.sequences)), min(self.starts), self.length
        self.length += 1
        self._newest = [held[:, rows, :, newest : self.length] for held in (self.keys, self.values)]
        self._seen = [held[:, rows, :, first : self.length] for held in (self.keys, self.values)]
        columns = torch.arange(first, self.length, device=positions.device)
        seen = columns - torch.tensor(self.starts, device=positions.device).unsqueeze(1)
        return seen, (seen >= 0).to(segments.dtype)

    def append(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Keep the new keys and values (rows, num_kv_heads, 1, head_dim) of a layer; returns all that are seen."""
        for newest, new in zip(self._newest, (keys, values), strict=True):
            newest[layer] = new
        return self._seen[0][layer], self._seen[1][layer]

    def save_full_blocks(self) -> None:
        """Copy the blocks that the newest tokens have filled into the paged cache."""
        size = self.paged.block_size
        for row, sequence in enumerate(self.sequences):
            end = self.length - self.starts[row]
            if end % size == 0:
                slots = slice(sequence.blocks[end // size - 1] * size, (sequence.blocks[end // size - 1] + 1) * size)
                columns = slice(self.length - size, self.length)
                self.paged.keys[:, slots] = self.keys[:, row, :, columns].transpose(1, 2)
                self.paged.values[:, slots] = self.values[:, row, :, columns].transpose(1, 2)

    def _drop(self, row: int) -> None:
        """The last row moves into the place of this one."""
        sequence, start = self.sequences.pop(), self.starts.pop()
        if row < len(self.sequences):
            self.sequences[row], self.starts[row] = sequence, start
            for held in (self.keys, self.values):
                held[:, row, :, : self.length] = held[:, len(self.sequences), :, : self.length]

    def _join(self, joining: list[Sequence]) -> None:
        rows = len(self.sequences) + len(joining)
        longest = max(sequence.num_computed for sequence in (*self.sequences, *joining))
        if not self.sequences or rows > self.keys.shape[1] or longest > self.length:
            self._lay_out(rows, longest)
        for sequence in joining:
            row, start = len(self.sequences), self.length - sequence.num_computed
            slots = self.paged.slots(sequence, 0, sequence.num_computed)
            for held, blocks in ((self.keys, self.paged.keys), (self.values, self.paged.values)):
                held[:, row, :, :start] = 0
                held[:, row, :, start : self.length] = blocks[:, slots].transpose(1, 2)
            self.sequences.append(sequence)
            self.starts.append(start)

    def _lay_out(self, rows: int, longest: int) -> None:
        """New memory for so many rows of so many tokens, the rows so far in it."""
        num_layers, _, heads, _, head_dim = self.keys.shape
        places, seen = 1 << (rows - 1).bit_length(), self.length - min(self.starts, default=self.length)
        shape = (num_layers, places, heads, longest + SPARE_COLUMNS, head_dim)
        keys, values = self.keys.new_zeros(shape), self.keys.new_zeros(shape)
        count = len(self.sequences)
        for new, old in ((keys, self.keys), (values, self.values)):
            new[:, :count, :, longest - seen : longest] = old[:, :count, :, self.length - seen : self.length]
        self.starts = [start + longest - self.length for start in self.starts]
        self.keys, self.values, self.length = keys, values, longest
