"""Interfaces of an objective and of a checkpoint callback."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from torch import Tensor

UnreadFigures = Mapping[str, float | Tensor]  # tensors where reading a number would wait for the device
Parts = Iterator[tuple[Tensor, UnreadFigures]]
Objective = Callable[[Any, int], Parts]  # learner, step -> losses and figures that add up to the step's
CheckpointCallback = Callable[[Any, Path, int], str]  # learner, the stage's folder, steps done -> a word for the screen


class CannotBegin(ValueError):
    """What a step needs is not to be had. Neither gradients nor weights have changed since the step before, which can
    be saved. Every process raises it."""


@runtime_checkable
class Stateful(Protocol):
    """State of an objective that the step number does not determine."""

    def state(self) -> dict[str, Any]:
        """Where it stands, for a checkpoint; as JSON has it. Every process calls it."""

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from there."""

    def seen(self) -> dict[str, Tensor]:
        """What the last step was learned from."""


@runtime_checkable
class Halvable(Protocol):
    """An objective that can do with less memory."""

    def halve(self) -> bool:
        """Let half as much go through at once from here on; False where it did so before or cannot."""


@runtime_checkable
class RememberingCallback(Protocol):
    """A callback that records its result of every checkpoint."""

    def lacks(self, folder: Path, step: int) -> bool:
        """Whether the run was killed before the checkpoint of this step was seen. Every process calls it."""
