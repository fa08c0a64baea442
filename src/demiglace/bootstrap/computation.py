"""Where and how the losses of an objective are computed: device, dtype, shapes, and in how many pieces."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor

from demiglace.batch import to_device
from demiglace.training.metrics import COUNT
from demiglace.training.objective import UnreadFigures, autocast

ROW_MULTIPLE = 64  # ours: tokens to which rows are rounded up


@dataclass(frozen=True)
class Computation:
    """Where and how losses are computed; apart from rounding, none of it changes a loss.

    dtype: of matrix products; weights keep theirs.
    fixed_shapes: rows have one of few lengths, and losses are computed over all positions, with unlabelled ones masked.
        So the host never waits for a count from the GPU, and kernels are compiled for few shapes.
    counts: whether floating-point operations and pictures are counted.
    """

    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    dtype: torch.dtype = torch.float32
    fixed_shapes: bool = False
    counts: bool = False

    @property
    def row_multiple(self) -> int:
        return ROW_MULTIPLE if self.fixed_shapes else 1

    def to_device(self, tensor: Tensor) -> Tensor:
        return to_device(tensor, self.device)


ON_HOST = Computation()


@dataclass
class InPieces:
    """An objective that can process the samples of a step in two halves if memory does not suffice for all.

    The random draws of a step stay the same. Its loss is the mean of the halves' losses, even if their numbers of
    labels differ.
    """

    num_pieces: int = field(default=1, init=False)

    @property
    def how(self) -> Computation:
        raise NotImplementedError

    def halve(self) -> bool:
        """Use two halves from now on; False if it already does."""
        is_whole = self.num_pieces == 1
        self.num_pieces = 2
        return is_whole

    def losses(
        self, count: int, loss_of: Callable[[slice], tuple[Tensor, UnreadFigures]]
    ) -> Iterator[tuple[Tensor, UnreadFigures]]:
        """Yields loss and metrics of each piece of `count` samples, weighted to add up to those of the step."""
        size = -(-count // self.num_pieces)
        for begin in range(0, count, size):
            piece = slice(begin, min(begin + size, count))
            share = (piece.stop - begin) / count
            with autocast(self.how.device, self.how.dtype):
                loss, figures = loss_of(piece)
            if self.how.counts:
                figures = {**figures, "num_pictures": float(piece.stop - begin)}
            yield (
                loss * share,
                {name: value if name.startswith(COUNT) else value * share for name, value in figures.items()},
            )
