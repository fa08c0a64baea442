"""Sources with weights that shift while the learning rate decays, and the endless shuffled order of each source.

The source and the record of a draw are pure functions of the seed and the draw's number, so a checkpoint only has to
keep numbers for a run to resume.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

import numpy as np

from demiglace.data.random_order import shuffled
from demiglace.fields import WEIGHT

if TYPE_CHECKING:
    from demiglace.data.source import Source

# Part of each seed, so that different purposes never share random numbers.
CHOICE, ORDER, CONTENT, SAMPLE = range(4)


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
                raise ValueError(f"at least one weight must be above 0, got {weights}")
        names = [source.name for source in self.sources]
        if repeated := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"sources must have different names, but {', '.join(repeated)} is given more than once")
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
        possible = np.flatnonzero(shares)
        if len(possible) == 1:
            return int(possible[0])
        chance = np.random.default_rng((seed, CHOICE, stream, number)).random()
        return int(possible[np.searchsorted(shares[possible].cumsum()[:-1], chance, side="right")])

    def epoch(self, draw: Draw) -> int:
        """The number of complete passes over its source before it; 0 for an endless source."""
        size = self.sizes[draw.source]
        return draw.number // size if size else 0

    def place(self, draw: Draw, seed: int) -> tuple[int, int]:
        """(block, row) of a draw's record in its source."""
        source = self.sources[draw.source]
        if source.blocks is None:
            return 0, draw.number
        return place(source.blocks, source.shuffled_blocks, (seed, ORDER, draw.source), draw.number)

    def sample(self, source: int, most: int, seed: int) -> list[Draw]:
        """Draws of at most `most` different records of a source, a random sample of all its records.

        They are in the order of the first epoch, which reads few blocks at a time.
        """
        size = self.sizes[source]
        chances = np.random.default_rng((seed, SAMPLE, source))
        return [Draw(source, int(number)) for number in sorted(chances.choice(size, min(most, size), replace=False))]

    @cached_property
    def sizes(self) -> tuple[int, ...]:
        """The number of records of each source; 0 for an endless one."""
        return tuple(sum(source.blocks or ()) for source in self.sources)

    def content_seed(self, draw: Draw, seed: int) -> tuple[int, ...]:
        """The seed for random choices within the record: a different one each time the record is drawn."""
        return seed, CONTENT, draw.source, draw.number


def place(blocks: Sequence[int], shuffled_blocks: int | None, seed: tuple[int, ...], number: int) -> tuple[int, int]:
    """(block, row) of record `number` of an endless shuffled order over `blocks`, given by their sizes.

    Each epoch has its own order, in which every record occurs once: the blocks are shuffled, and then the records of
    each `shuffled_blocks` successive blocks together; None stands for all blocks.
    """
    sizes = np.asarray(blocks)
    epoch, rest = divmod(number, int(sizes.sum()))
    order = np.arange(len(sizes)) if shuffled_blocks is None else _order((*seed, epoch), len(sizes))
    ends = sizes[order].cumsum()
    span = shuffled_blocks or len(sizes)
    first = int(np.searchsorted(ends, rest, side="right")) // span * span
    start = int(ends[first - 1]) if first else 0
    own_ends = ends[first : first + span] - start
    row = shuffled(rest - start, int(own_ends[-1]), (*seed, epoch, first))
    turn = int(np.searchsorted(own_ends, row, side="right"))
    return int(order[first + turn]), row - (int(own_ends[turn - 1]) if turn else 0)


@lru_cache(maxsize=32)
def _order(seed: tuple[int, ...], num_blocks: int) -> np.ndarray:
    return np.random.default_rng(seed).permutation(num_blocks)
