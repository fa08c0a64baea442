"""Several sources as one: every record of each, once per epoch."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from demiglace.conversation import Conversation
from demiglace.data.source import Source, state_of


@dataclass(frozen=True)
class Concatenated:
    """The blocks of finite `sources` one after the other."""

    name: str
    sources: tuple[Source, ...]

    @cached_property
    def blocks(self) -> tuple[int, ...]:
        """Raises as the sources do."""
        return tuple(size for source in self.sources for size in source.blocks or ())

    @property
    def shuffled_blocks(self) -> int | None:
        """The smallest of the sources' numbers."""
        return min(
            (source.shuffled_blocks for source in self.sources if source.shuffled_blocks is not None), default=None
        )

    @property
    def files(self) -> tuple[Path, ...]:
        return tuple(path for source in self.sources for path in source.files)

    @property
    def names_files(self) -> bool:
        return any(source.names_files for source in self.sources)

    def read(self, block: int, row: int, seed: tuple[int, ...]) -> Conversation:
        source, own = self._place(block)
        return source.read(own, row, seed)

    def where(self, block: int, row: int) -> str:
        source, own = self._place(block)
        return source.where(own, row)

    def __getstate__(self) -> dict[str, object]:
        return state_of(self)

    def _place(self, block: int) -> tuple[Source, int]:
        """The source of a block, and the block's number there."""
        number = int(np.searchsorted(self._ends, block, side="right"))
        return self.sources[number], block - (int(self._ends[number - 1]) if number else 0)

    @cached_property
    def _ends(self) -> np.ndarray:
        return np.cumsum([len(source.blocks or ()) for source in self.sources])
