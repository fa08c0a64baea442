"""Held-out records: a split of a source into two sides."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from demiglace.conversation import Conversation
from demiglace.data.source import WrappedSource, state_of

FIRST_HELD_OUT = 2**40  # row of an endless source: beyond all rows that a run draws


@dataclass(frozen=True)
class Portion(WrappedSource):
    """The records of `source` that are held out, or all others; which they are depends only on `seed` and `share`.

    Of a source of n records `share * n` are held out, rounded, and at least one if n > 1 and share > 0.
    """

    share: float
    seed: int
    held_out: bool

    def __post_init__(self) -> None:
        if not 0 <= self.share < 1:
            raise ValueError(f"the share held out must lie in [0, 1), got {self.share}")

    @cached_property
    def blocks(self) -> tuple[int, ...] | None:
        """Raises as the source does."""
        return None if self.source.blocks is None else tuple(map(len, self._rows))

    def read(self, block: int, row: int, seed: tuple[int, ...]) -> Conversation:
        return self.source.read(block, self._row(block, row), seed)

    def where(self, block: int, row: int) -> str:
        return self.source.where(block, self._row(block, row))

    def __getstate__(self) -> dict[str, object]:
        return state_of(self)

    def _row(self, block: int, row: int) -> int:
        if self.source.blocks is None:
            return row + FIRST_HELD_OUT * self.held_out
        return int(self._rows[block][row])

    @cached_property
    def _rows(self) -> list[np.ndarray]:
        """For each block the rows on this side, in order."""
        sizes = self.source.blocks or ()
        number = sum(sizes)
        most = min(max(1, round(self.share * number)), number - 1) if self.share and number else 0
        out = np.zeros(number, bool)
        out[np.random.default_rng(self.seed).permutation(number)[:most]] = True
        return [np.flatnonzero(part == self.held_out) for part in np.split(out, np.cumsum(sizes)[:-1])]
