"""What the trainer needs of an objective, and of what watches its checkpoints."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from torch import Tensor

from demiglace.training.metrics import Figures

Parts = Iterator[tuple[Tensor, Figures]]
Objective = Callable[[Any, int], Parts]  # learner, step -> losses and figures that add up to the step's
CheckpointCallback = Callable[[Any, Path, int], str]  # learner, the stage's folder, steps done -> a word for the screen


@runtime_checkable
class Stateful(Protocol):
    """What an objective has that the step number does not determine."""

    def state(self) -> dict[str, Any]:
        """Where it stands, for a checkpoint; as JSON has it. Every process calls it."""

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from there."""

    def seen(self) -> dict[str, Tensor]:
        """What the last step was learned from."""


@runtime_checkable
class RememberingCallback(Protocol):
    """What a watcher has that writes down what it sees of every checkpoint."""

    def lacks(self, folder: Path, step: int) -> bool:
        """Whether the run was killed before the checkpoint of this step was seen. Every process calls it."""
