"""The number of steps in which a dataset is read: records of known lengths, packed by the loader's own streams."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import numpy as np

from demiglace.conversation import Conversation
from demiglace.data.mixture import Draw, Mixture
from demiglace.data.sample_builder import SampleArrays
from demiglace.data.stream import Stream
from demiglace.records.bad_record import BadRecord

MOST_SIMULATED = 20_000  # samples; the number of steps is extrapolated beyond (ours)

_NOTHING = np.empty(0, np.int64)


@dataclass(frozen=True)
class MeasuredLengths:
    """Stands in for a source of whose records only the lengths are known.

    blocks, shuffled_blocks: of the source. tokens: of its records in order, 0 for one that cannot be used; if only some
    were measured, their lengths are repeated for the others. length: of a row. seed: of the order.
    """

    blocks: tuple[int, ...]
    shuffled_blocks: int | None
    tokens: Sequence[int]
    length: int
    seed: int
    name: str = "lengths"
    files: tuple[Path, ...] = ()
    names_files: bool = False

    def num_steps(self, epochs: float, num_streams: int) -> int:
        """Steps of `num_streams` rows in which the usable records are read `epochs` times on average, at least one.

        Exact up to `MOST_SIMULATED` samples if all records were measured.
        """
        usable = sum(map(bool, self.tokens)) / max(1, len(self.tokens))
        target = math.ceil(round(epochs * sum(self.blocks) * usable, 6))
        streams = [
            Stream(number, num_streams, self._mixture, self.seed, self.length, self._start, skip_bad=True)
            for number in range(num_streams)
        ]
        steps = num_read = 0
        while num_read < min(target, MOST_SIMULATED):
            num_read += sum(len(stream.next_row(0.0)) for stream in streams)
            steps += 1
        return max(1, steps if num_read >= target else math.ceil(steps * target / num_read))

    def read(self, block: int, row: int, seed: tuple[int, ...]) -> Conversation:
        raise BadRecord(self.where(block, row), "only its length is known")

    def where(self, block: int, row: int) -> str:
        return f"record {row} of block {block}"

    @cached_property
    def _mixture(self) -> Mixture:
        return Mixture((self,), (1.0,), (1.0,))

    def _start(self, draw: Draw) -> Callable[[], SampleArrays]:
        return partial(self._arrays, *self._mixture.place(draw, self.seed))

    def _arrays(self, block: int, row: int) -> SampleArrays:
        tokens = self.tokens[(self._starts[block] + row) % len(self.tokens)]
        if not tokens:
            raise BadRecord(self.where(block, row), "it cannot be used")
        return SampleArrays(np.broadcast_to(np.int64(0), tokens), _NOTHING, _NOTHING, None)

    @cached_property
    def _starts(self) -> list[int]:
        """For each block the number of its first record."""
        return [0, *np.cumsum(self.blocks).tolist()]
