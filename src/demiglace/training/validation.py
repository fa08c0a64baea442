"""Held-out samples: their loss at every regular checkpoint, the best checkpoint, and early stopping."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

from demiglace.batch import Batch
from demiglace.safe_files import atomic_path, write_whole
from demiglace.training import checkpoint
from demiglace.training.distributed import ALONE, ProcessGroup
from demiglace.training.objective import autocast
from demiglace.training.supervised import LanguageLearner

FILE, BEST = "validation.jsonl", "best"


@dataclass
class Validation:
    """A checkpoint callback. `parts` are batches of held-out samples. Training stops after `patience` checkpoints
    without a lower loss; 0 means never. A resumed run reads its earlier measurements from its folder.

    is_due: whether a step is measured. A run that was stopped between two such steps and resumed then has the same
    measurements, and so the same best checkpoint and the same end, as an uninterrupted one.
    """

    parts: Sequence[Batch]
    folder: Path
    device: torch.device
    dtype: torch.dtype
    patience: int = 0
    ranks: ProcessGroup = ALONE  # all measure, and the first writes
    is_due: Callable[[int], bool] = lambda step: True
    measured: list[dict[str, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        path = self.folder / FILE
        done = checkpoint.latest(self.folder)
        known = [] if done is None or not path.exists() else map(json.loads, path.read_text().splitlines())
        self.measured = [line for line in known if done is not None and line["step"] <= checkpoint.num_steps(done)]

    def __call__(self, learner: LanguageLearner, folder: Path, step: int) -> str:
        """Measure, record the result, and keep the checkpoint just saved if it is the best so far."""
        if not self.is_due(step):
            return ""
        # The mean over processes, whose last bits may differ between machines: all must stop after the same step.
        loss, right = (
            total / self.ranks.count for total in self.ranks.sum(measure(learner, self.parts, self.device, self.dtype))
        )
        self.measured.append({"step": step, "loss": loss, "token_accuracy": right})
        is_best = self.best_step == step
        if self.ranks.is_first:
            # In this order, so that a run killed in between has no measurement and repeats both.
            if is_best:
                _link(folder / checkpoint.name_of(step), folder / BEST)
            write_whole(folder / FILE, "".join(f"{json.dumps(line)}\n" for line in self.measured))
        return f"held out: loss {loss:.4f}, {right:.1%} of the tokens right{', the best so far' if is_best else ''}"

    def is_unrecorded(self, folder: Path, step: int) -> bool:
        """Whether the run was killed after saving this step and before measuring it."""
        return self.is_due(step) and step not in [line["step"] for line in self.measured]

    @property
    def best_step(self) -> int | None:
        """The first step with the lowest loss; None before any measurement."""
        return int(min(self.measured, key=lambda line: line["loss"])["step"]) if self.measured else None

    def is_enough(self) -> bool:
        """Whether the last `patience` checkpoints brought no improvement."""
        if not self.patience or self.best_step is None:
            return False
        since = [line for line in self.measured if line["step"] > self.best_step]
        return len(since) >= self.patience


@torch.no_grad()
def measure(
    learner: LanguageLearner, parts: Sequence[Batch], device: torch.device, dtype: torch.dtype
) -> tuple[float, float]:
    """Mean loss in nats of the tokens with labels, and their accuracy."""
    was_training = learner.training
    learner.eval()
    total = right = count = 0.0
    for part in parts:
        with autocast(device, dtype):
            loss, num_right = learner(part.to(device))
        total, right = total + float(loss), right + float(num_right)
        count += part.num_learned
    learner.train(was_training)
    return total / max(1.0, count), right / max(1.0, count)


def _link(source: Path, target: Path) -> None:
    """Make `target` a copy of the folder `source`, with hard links if possible."""
    with atomic_path(target) as aside:
        aside.mkdir()
        for file in source.iterdir():
            try:
                os.link(file, aside / file.name)
            except OSError:  # the file system has no hard links
                shutil.copyfile(file, aside / file.name)
