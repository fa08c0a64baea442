"""Interfaces of an objective and of a checkpoint callback, and the microbatches that objectives share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor

UnreadFigures = Mapping[str, float | Tensor]  # tensors, if reading a number would wait for the device
Parts = Iterator[tuple[Tensor, UnreadFigures]]
Objective = Callable[[Any, int], Parts]  # learner, step -> losses and figures that sum to the step's
CheckpointCallback = Callable[[Any, Path, int], str]  # learner, the stage's folder, steps done -> a console message


class CannotBegin(ValueError):
    """Something that a step needs is unavailable. Gradients and weights have not changed since the previous step, which
    can be saved. Every process raises it."""


@runtime_checkable
class Stateful(Protocol):
    """State of an objective that the step number does not determine."""

    def state(self) -> dict[str, Any]:
        """The state to store in a checkpoint, as JSON values. Every process calls it."""

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue from a stored state."""

    def seen(self) -> dict[str, Tensor]:
        """The tensors that the last step was trained on."""


@runtime_checkable
class Halvable(Protocol):
    """An objective that can reduce its memory."""

    def halve(self) -> bool:
        """Halve the microbatch from now on; False if it was halved before or cannot be."""


@dataclass(kw_only=True)
class MicrobatchedObjective:
    """The part of an objective that goes through a step in microbatches of `micro_batch_size` items.

    dtype: of matrix products; weights keep theirs.
    """

    micro_batch_size: int
    device: torch.device
    dtype: torch.dtype
    is_halved: bool = field(default=False, init=False)

    def halve(self) -> bool:
        """Halve the microbatch; False if it is a single item, or was halved before."""
        if self.is_halved or self.micro_batch_size == 1:
            return False
        self.micro_batch_size //= 2
        self.is_halved = True
        return True

    def autocast(self) -> torch.autocast:
        return autocast(self.device, self.dtype)


def autocast(device: torch.device, dtype: torch.dtype) -> torch.autocast:
    """Matrix products in `dtype`; float32 changes nothing."""
    return torch.autocast(device.type, dtype, enabled=dtype != torch.float32)


@runtime_checkable
class RecordingCallback(Protocol):
    """A callback that records its result for every checkpoint."""

    def is_unrecorded(self, folder: Path, step: int) -> bool:
        """Whether the run was killed before this step's checkpoint had its result recorded. All processes call it."""
