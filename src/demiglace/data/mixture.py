"""Sources with weights that shift while the learning rate decays, and the endless shuffled order of each source.

The source and the record of a draw are pure functions of the seed and the draw's number, so a checkpoint only has to
keep numbers for a run to resume.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from demiglace.fields import WEIGHT

if TYPE_CHECKING:
    from demiglace.data.source import Source

# Part of each seed, so that different purposes never share random numbers.
CHOICE, ORDER, CONTENT = range(3)


@dataclass(frozen=True)
class Draw:
    """Record `number` of the endless order of source `source` of a mixture."""

    source: int
    number: int


@dataclass(frozen=True)
class Mixture:
    """Sources, and how often each is drawn.

    weights: in the stable part of a stage; late_weights: at the end of the decay. Both are normalised to shares, which
    are interpolated linearly in between. A weight of 0 leaves a source out.
    """

    sources: tuple[Source, ...]
    weights: tuple[float, ...]
    late_weights: tuple[float, ...]

    def __post_init__(self) -> None:
        """Raises ValueError if the numbers cannot be weights, names repeat, or a source with a weight is empty."""
        for weights in (self.weights, self.late_weights):
            if len(weights) != len(self.sources):
                raise ValueError(f"{len(self.sources)} sources, but {len(weights)} weights")
            if not sum(WEIGHT.check("a weight", weight) for weight in weights):
                raise ValueError(f"one weight must be more than 0, got {weights}")
        names = [source.name for source in self.sources]
        if repeated := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"sources need names of their own, but {', '.join(repeated)} is given more than once")
        for source, *given in zip(self.sources, self.weights, self.late_weights, strict=True):
            if any(given) and source.blocks is not None and not sum(source.blocks):
                raise ValueError(f"source {source.name} has 0 records, but a weight of {max(given)}")

    def shares(self, decay: float) -> np.ndarray:
        """float64 (sources,), the probability of each when a share `decay` (0 to 1) of the decay is over."""
        if not 0 <= decay <= 1:
            raise ValueError(f"decay must lie in 0..1, got {decay}")
        early, late = np.array(self.weights, float), np.array(self.late_weights, float)
        return (1 - decay) * early / early.sum() + decay * late / late.sum()

    def choose(self, seed: int, stream: int, number: int, decay: float) -> int:
        """The source of draw `number` of a stream."""
        shares = self.shares(decay)
        chance = np.random.default_rng((seed, CHOICE, stream, number)).random()
        possible = np.flatnonzero(shares)
        return int(possible[np.searchsorted(shares[possible].cumsum()[:-1], chance, side="right")])

    def place(self, draw: Draw, seed: int) -> tuple[int, int]:
        """(block, row) of a draw's record in its source."""
        blocks = self.sources[draw.source].blocks
        return (0, draw.number) if blocks is None else place(blocks, (seed, ORDER, draw.source), draw.number)

    def content_seed(self, draw: Draw, seed: int) -> tuple[int, ...]:
        """The seed for random choices within the record: a different one each time the record is drawn."""
        return seed, CONTENT, draw.source, draw.number


def place(blocks: Sequence[int], seed: tuple[int, ...], number: int) -> tuple[int, int]:
    """(block, row) of record `number` of an endless shuffled order over `blocks`, given by their sizes.

    Each epoch goes through all blocks in a new order, and through the rows of each block in a new order. So every
    record occurs once an epoch while blocks are read one after the other.
    """
    sizes = np.asarray(blocks)
    epoch, rest = divmod(number, int(sizes.sum()))
    order = _permutation((*seed, epoch, 0), len(sizes))
    ends = sizes[order].cumsum()
    turn = int(np.searchsorted(ends, rest, side="right"))
    block = int(order[turn])
    rows = _permutation((*seed, epoch, 1 + block), int(sizes[block]))
    return block, int(rows[rest - (int(ends[turn]) - int(sizes[block]))])


@lru_cache(maxsize=32)
def _permutation(seed: tuple[int, ...], size: int) -> np.ndarray:
    return np.random.default_rng(seed).permutation(size)
