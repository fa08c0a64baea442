"""The one supervised loop. A stage says what learns, at which rate and how long; an objective says from what.

The step is the only clock: rates, batches and random numbers follow from it, so a run that was
killed and resumed goes through the very same losses as one that was not.
"""

from __future__ import annotations

import json
import math
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor, nn

from demiglace.training import checkpoint
from demiglace.training.optim import optimizers, wsd

Objective = Callable[[Any, int], tuple[Tensor, dict[str, float]]]  # learner, step -> loss, figures
Watcher = Callable[[Any, Path, int], str]  # learner, the stage's folder, steps done -> a word for the screen


@dataclass(frozen=True)
class Stage:
    """What a stretch of training does; numbers carry their source in the recipe."""

    name: str
    learns: tuple[str, ...]  # beginnings of the names of parameters that learn; all others are frozen
    num_steps: int
    rate: float
    warmup: int
    decay_share: float  # last part of the steps, over which the rate falls
    floor: float  # share of the peak rate that remains at the end
    weight_decay: float
    clip: float  # largest norm of the gradient
    save_every: int
    log_every: int = 10


class Trainer:
    """Runs one stage in `folder`: checkpoints in it, `metrics.jsonl` beside them."""

    def __init__(
        self, learner: nn.Module, stage: Stage, objective: Objective, folder: Path, watcher: Watcher | None = None
    ) -> None:
        self.learner, self.stage, self.objective, self.folder = learner, stage, objective, folder
        self.watcher = watcher
        self.parameters = freeze_all_but(learner, stage.learns)
        self.optimizers = optimizers(self.parameters.items(), stage.rate, stage.weight_decay)
        self.stopping = False

    def run(self) -> bool:
        """Train to the end of the stage; False if a signal stopped it, with everything saved."""
        started = step = self._resume()
        handlers = {number: signal.signal(number, self._stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            with self._progress() as progress:
                task = progress.add_task(self.stage.name, total=self.stage.num_steps, completed=step, figures="")
                while step < self.stage.num_steps and not self.stopping:
                    figures = self._step(step)
                    step += 1
                    progress.update(task, completed=step, figures=self._log(step, figures))
                    if step % self.stage.save_every == 0 and step < self.stage.num_steps:
                        progress.console.print(self._save(step), markup=False, highlight=False)
                if started < step:
                    progress.console.print(self._save(step), markup=False, highlight=False)
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
        return step >= self.stage.num_steps

    def _step(self, step: int) -> dict[str, float]:
        began = time.perf_counter()
        share = wsd(step, self.stage.num_steps, self.stage.warmup, self.stage.decay_share, self.stage.floor)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["peak"] * share
        loss, figures = self.objective(self.learner, step)
        loss.backward()
        value = float(loss.detach())
        norm = float(nn.utils.clip_grad_norm_(self.parameters.values(), self.stage.clip))
        if not (math.isfinite(norm) and math.isfinite(value)):
            raise FloatingPointError(f"step {step} of {self.stage.name}: loss {value}, gradient norm {norm}")
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        seconds = time.perf_counter() - began
        return {"loss": value, **figures, "rate": self.stage.rate * share, "norm": norm, "seconds": seconds}

    def _log(self, step: int, figures: dict[str, float]) -> str:
        line = {"stage": self.stage.name, "step": step, **{key: round(value, 6) for key, value in figures.items()}}
        if step % self.stage.log_every == 0 or step == 1:
            with (self.folder / "metrics.jsonl").open("a") as file:
                file.write(json.dumps(line) + "\n")
        return "  ".join(f"{key} {value:.3g}" for key, value in figures.items())

    def _resume(self) -> int:
        self.folder.mkdir(parents=True, exist_ok=True)
        found = checkpoint.latest(self.folder)
        step = 0 if found is None else checkpoint.restore(found, self.learner, self.optimizers)
        self._forget_after(step)
        return step

    def _forget_after(self, step: int) -> None:
        """Drop the metrics of steps that will be taken again, so that the file reads as one run."""
        path = self.folder / "metrics.jsonl"
        if not path.exists():
            return
        kept = [line for line in path.read_text().splitlines(keepends=True) if json.loads(line)["step"] <= step]
        unfinished = path.with_suffix(".part")
        unfinished.write_text("".join(kept))
        unfinished.rename(path)

    def _save(self, step: int) -> str:
        checkpoint.save(self.folder, step, self.learner, self.optimizers)
        seen = "" if self.watcher is None else self.watcher(self.learner, self.folder, step)
        return f"{self.stage.name}: step {step} saved\n{seen}".rstrip()

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self.stopping = True

    @staticmethod
    def _progress() -> Progress:
        return Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
            TextColumn("{task.fields[figures]}"),
        )  # fmt: skip


def freeze_all_but(learner: nn.Module, beginnings: tuple[str, ...]) -> dict[str, nn.Parameter]:
    """Freeze every parameter whose name begins with none of `beginnings`; those that learn, by name."""
    learning = {}
    for name, parameter in learner.named_parameters():
        parameter.requires_grad_(name.startswith(beginnings))
        if parameter.requires_grad:
            learning[name] = parameter
    silent = [beginning for beginning in beginnings if not any(name.startswith(beginning) for name in learning)]
    if silent:
        parts = sorted({name.split(".")[0] for name, _ in learner.named_parameters()})
        raise ValueError(f"no parameter begins with {silent}; there are {parts}")
    return learning
