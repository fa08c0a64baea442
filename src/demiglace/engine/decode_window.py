"""A contiguous copy of the keys and values of all running answers, so that decode steps need no gather.

Gathering blocks at every step would copy all visible keys and values each time. Here a sequence is gathered once, when
it joins; then each step adds one column. Rows are left-padded and end at the same column, so they grow together, and a
row that joins or leaves moves no other. A block that becomes full is copied into the paged cache.
"""

from __future__ import annotations

import torch

from demiglace.engine.decode_step import Columns
from demiglace.engine.paged_cache import PagedCache
from demiglace.engine.sequence import Sequence

SPARE_COLUMNS = 128  # free for coming tokens after a reallocation (ours)


class DecodeWindow:
    """Keys and values of running sequences, one row each. `sequences`: those of the rows, in order.

    Keys and values (num_layers, rows, num_kv_heads, columns, head_dim); `starts` are the first columns of the rows, and
    `length` is the end of all. Padding before a row is zero. mask: (rows, 1, 1, columns), zero from `starts` on and
    minus infinity before; it is kept between steps.
    """

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
        self.mask = self.keys.new_zeros(0, 1, 1, 0)

    def hold(self, sequences: list[Sequence]) -> None:
        """Hold rows for exactly these sequences, in any order."""
        self._drop_all_but(set(sequences))
        present = set(self.sequences)
        if joining := [sequence for sequence in sequences if sequence not in present]:
            self._reserve(joining)
            self._join(joining)

    def advance(self) -> Columns:
        """Add a column for a token of each row; returns the visible columns. They are never all columns: whole tensors
        would make a compiled step recompile."""
        if self.length + 1 >= self.keys.shape[3]:
            self._lay_out(len(self.sequences), self.length - min(self.starts))
        self.length += 1
        rows, columns = slice(len(self.sequences)), slice(min(self.starts), self.length)
        keys, values = (cache[:, rows, :, columns].unbind() for cache in (self.keys, self.values))
        return Columns(keys, values, self.mask[rows, :, :, columns] if len(self.sequences) > 1 else None)

    def begin_beams(self, leaders: list[Sequence]) -> None:
        """Add rows for the beams of some sequences, filled with the keys and values of their sequence."""
        self._drop_all_but(set(self.sequences))
        self._reserve([beam for leader in leaders for beam in leader.beams])
        for first, *others in (leader.beams for leader in leaders):
            row = len(self.sequences)
            self._join([first])
            copies = slice(row + 1, row + 1 + len(others))
            for cache in (self.keys, self.values):
                cache[:, copies, :, : self.length] = cache[:, row : row + 1, :, : self.length]
            self.mask[copies] = self.mask[row]
            self.sequences += others
            self.starts += [self.starts[row]] * len(others)

    def copy_from_parents(self, beams: list[Sequence], parents: list[Sequence], num_columns: int) -> None:
        """Copy the last columns of its parent to each beam; all columns before are equal already."""
        row_of = {sequence: row for row, sequence in enumerate(self.sequences)}
        rows, sources = [row_of[beam] for beam in beams], [row_of[parent] for parent in parents]
        for cache in (self.keys, self.values):
            columns = cache[..., self.length - num_columns : self.length, :]
            columns[:, rows] = columns[:, sources]

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

    def _drop_all_but(self, wanted: set[Sequence]) -> None:
        """Also drops rows that do not match the tokens of their sequence: it was pre-empted meanwhile."""
        for row in reversed(range(len(self.sequences))):
            sequence = self.sequences[row]
            if sequence not in wanted or self.length - self.starts[row] != sequence.num_computed:
                self._drop(row)

    def _drop(self, row: int) -> None:
        """Remove a row; the last row moves into its place."""
        sequence, start = self.sequences.pop(), self.starts.pop()
        if row < len(self.sequences):
            self.sequences[row], self.starts[row] = sequence, start
            for cache in (self.keys, self.values):
                cache[:, row, :, : self.length] = cache[:, len(self.sequences), :, : self.length]
            self.mask[row] = self.mask[len(self.sequences)]

    def _reserve(self, joining: list[Sequence]) -> None:
        """Reallocate if needed, so that further rows fit."""
        rows = len(self.sequences) + len(joining)
        longest = max(sequence.num_computed for sequence in (*self.sequences, *joining))
        if not self.sequences or rows > self.keys.shape[1] or longest > self.length:
            self._lay_out(rows, longest)

    def _join(self, joining: list[Sequence]) -> None:
        """Fill rows for sequences, for which space was reserved."""
        for sequence in joining:
            row, start = len(self.sequences), self.length - sequence.num_computed
            slots = self.paged.slots(sequence, 0, sequence.num_computed)
            for cache, blocks in ((self.keys, self.paged.keys), (self.values, self.paged.values)):
                cache[:, row, :, :start] = 0
                cache[:, row, :, start : self.length] = blocks[:, slots].transpose(1, 2)
            self.mask[row, ..., :start], self.mask[row, ..., start:] = -torch.inf, 0
            self.sequences.append(sequence)
            self.starts.append(start)

    def _lay_out(self, rows: int, longest: int) -> None:
        """Allocate memory for so many rows of so many tokens, and copy the present rows into it."""
        num_layers, _, heads, _, head_dim = self.keys.shape
        capacity = 1 << (rows - 1).bit_length()  # the next power of two
        used = self.length - min(self.starts, default=self.length)
        shape = (num_layers, capacity, heads, longest + SPARE_COLUMNS, head_dim)
        keys, values = self.keys.new_empty(shape), self.keys.new_empty(shape)
        count = len(self.sequences)
        for new, old in ((keys, self.keys), (values, self.values)):
            new[:, :count, :, : longest - used] = 0
            new[:, :count, :, longest - used : longest] = old[:, :count, :, self.length - used : self.length]
        self.starts = [start + longest - self.length for start in self.starts]
        self.keys, self.values, self.length = keys, values, longest
        self.mask = self.keys.new_zeros(capacity, 1, 1, shape[3])
        for row, start in enumerate(self.starts):
            self.mask[row, ..., :start] = -torch.inf
