"""The training loop. A stage sets trainable parameters, learning rate and steps; an objective gives the losses.

Learning rates depend only on the step. The data of an objective also depend only on the step, or its position is saved
in the checkpoint. So a run that was killed and resumed has exactly the losses of an uninterrupted one.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from safetensors.torch import save_file
from torch import Tensor, nn

from demiglace.safe_files import atomic_path, write_whole
from demiglace.training import checkpoint
from demiglace.training.distributed import ALONE, ProcessGroup, full_tensor, shard
from demiglace.training.metrics import Figures, Metrics
from demiglace.training.objective import (
    CannotBegin,
    CheckpointCallback,
    Halvable,
    Objective,
    RecordingCallback,
    Stateful,
    UnreadFigures,
)
from demiglace.training.optim import optimizers
from demiglace.training.pace import UNTIMED, Pace
from demiglace.training.stage import Stage
from demiglace.training.stop_signals import stop_signals


@dataclass
class Clock:
    """Time and steps since figures were last read, and since the last checkpoint; `unread`: figures not yet read."""

    read: float = field(default_factory=time.monotonic)
    saved: float = field(default_factory=time.monotonic)
    steps: int = 0
    unread: list[UnreadFigures] = field(default_factory=list)
    norm: Tensor | float = 0.0

    def seconds_of_a_step(self) -> float:
        """Mean seconds per step since the last call, or since a checkpoint."""
        now = time.monotonic()
        seconds = (now - self.read) / self.steps
        self.read, self.steps = now, 0
        return seconds

    def restart(self) -> None:
        """Restart after a checkpoint, whose writing does not count as step time."""
        self.read = self.saved = time.monotonic()
        self.steps = 0


class Trainer:
    """Runs one stage in `folder`: checkpoints in it, `metrics.jsonl` beside them."""

    def __init__(
        self,
        learner: nn.Module,
        stage: Stage,
        objective: Objective,
        folder: Path,
        callback: CheckpointCallback | None = None,
        ranks: ProcessGroup = ALONE,
        peak: float | None = None,
        tensorboard: bool = False,
        is_enough: Callable[[], bool] = lambda: False,
        pace: Pace = UNTIMED,
        log: Callable[[str], None] = lambda message: None,
    ) -> None:
        """`is_enough` is called before every step and can end the stage; `log` is told if memory runs out."""
        self.learner, self.stage, self.objective, self.folder = learner, stage, objective, folder
        self.callback, self.ranks, self.is_enough = callback, ranks, is_enough
        self.pace, self.log = pace, log
        freeze_all_but(learner, stage.trainable)
        shard(learner, ranks)
        self.parameters = {name: value for name, value in learner.named_parameters() if value.requires_grad}
        self.optimizers = optimizers(self.parameters.items(), stage.learning_rate, stage.weight_decay, stage.muon)
        folder.mkdir(parents=True, exist_ok=True)
        self.metrics = Metrics(folder, stage.name, stage.log_every, peak, tensorboard)

    def run(self) -> bool:
        """Train to the end of the stage; False if a signal or the deadline stopped it, with everything saved.

        Raises FloatingPointError if loss or gradient norm is not finite, and `checkpoint.WriteError` if the disk
        refuses a write.
        """
        with checkpoint.write_errors(self.folder):
            return self._run()

    def rehearse(self, steps: range) -> None:
        """Train for some steps and wait for the last to finish; nothing is saved."""
        clock = Clock()
        for step in steps:
            self._step(step, clock, is_read=step == steps[-1])

    def _run(self) -> bool:
        saved = step = self._resume()
        clock = Clock()
        signals = stop_signals(self.ranks, lambda: self.pace.seconds_left <= 0)
        with signals as should_stop, self.metrics, self._progress() as progress:
            if step and isinstance(self.callback, RecordingCallback) and self.callback.is_unrecorded(self.folder, step):
                self._run_callback(step, progress)
            task = progress.add_task(self.stage.name, total=self.stage.num_steps, completed=step, figures="")
            while not (done := step >= self.stage.num_steps or self.is_enough()) and not should_stop():
                is_due = self.stage.saves_after(step + 1) or self._is_save_due(clock)
                try:
                    figures = self._step(step, clock, is_read=is_due or self._is_read(step))
                except CannotBegin:
                    if saved < step:
                        self._save_unread(step, clock, progress)
                    raise
                step += 1
                if self.ranks.is_first and figures:
                    progress.update(task, completed=step, figures=self.metrics.add(step, figures))
                if is_due:
                    self._save(step, progress)
                    saved = step
                    clock.restart()
            if saved < step:
                self._save_unread(step, clock, progress)
        return done

    def _is_read(self, step: int) -> bool:
        return step == 0 or (step + 1) % self.pace.read_every == 0 or step + 1 == self.stage.num_steps

    def _is_save_due(self, clock: Clock) -> bool:
        """Whether a checkpoint is due by time in any process: all must save at the same step."""
        if self.pace.save_seconds == math.inf:
            return False
        return self.ranks.sum([float(time.monotonic() - clock.saved >= self.pace.save_seconds)])[0] > 0

    def _step(self, step: int, clock: Clock, is_read: bool) -> Figures:
        """Train on one step. Returns its figures if they are read, for which the host waits; else none."""
        share = self.stage.rate_share(step)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["peak"] * share
        clock.unread = self._gradients(step)
        clock.norm = full_tensor(nn.utils.clip_grad_norm_(self.parameters.values(), self.stage.max_grad_norm))
        clock.steps += 1
        figures = self._read(step, clock) if is_read else {}
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        if not is_read:
            return {}
        first = {"loss": figures["loss"], "lr": self.stage.learning_rate * share, "grad_norm": figures["grad_norm"]}
        return first | figures | {"seconds": clock.seconds_of_a_step()}

    def _gradients(self, step: int) -> list[UnreadFigures]:
        """As `_accumulate`. If memory runs out and the objective can halve its microbatch, it does so once and the step
        starts again: it gets the same data, and no weight has changed yet."""
        try:
            return self._accumulate(step)
        except torch.OutOfMemoryError:
            if self.ranks.count > 1 or not (isinstance(self.objective, Halvable) and self.objective.halve()):
                raise
        for parameter in self.parameters.values():
            parameter.grad = None
        self.log(f"out of memory in step {step + 1} of {self.stage.name}: half as much goes through at once from here")
        return self._accumulate(step)

    def _accumulate(self, step: int) -> list[UnreadFigures]:
        """Accumulates gradients over the microbatches of a step; returns loss and figures of each, on the device."""
        parts: list[UnreadFigures] = []
        for loss, figures in self.objective(self.learner, step):
            # FSDP averages gradients over the processes; here they must be summed.
            (loss * self.ranks.count).backward()
            parts.append({"loss": loss.detach(), **figures})
        return parts

    def _read(self, step: int, clock: Clock) -> Figures:
        """Loss and figures of a step, summed over its microbatches and all processes, and the gradient norm.

        Raises FloatingPointError if loss or norm is not finite.
        """
        total: Figures = {"loss": 0.0}
        for part in clock.unread:
            for name, value in part.items():
                total[name] = total.get(name, 0.0) + float(value)
        total = dict(zip(total, self.ranks.sum(list(total.values())), strict=True))
        clock.unread, norm = [], float(clock.norm)
        if not (math.isfinite(norm) and math.isfinite(total["loss"])):
            raise self._not_finite(step + 1, total["loss"], norm)
        return total | {"grad_norm": norm}

    def _save_unread(self, step: int, clock: Clock, shown: Progress) -> None:
        """Reads pending figures before it saves, so that no step with a non-finite loss is saved."""
        if clock.unread:
            self._read(step - 1, clock)
        self._save(step, shown)

    def _not_finite(self, step: int, loss: float, norm: float) -> FloatingPointError:
        """Save the tensors that the step was trained on; the returned error names the file."""
        own = "" if self.ranks.count == 1 else f"-process-{self.ranks.rank}"
        path = self.folder / f"bad-step-{step}{own}.json"
        fields = {"stage": self.stage.name, "step": step, "loss": str(loss), "grad_norm": str(norm)}
        write_whole(path, json.dumps(fields) + "\n")
        if isinstance(self.objective, Stateful):
            path = path.with_suffix(".safetensors")
            with atomic_path(path) as aside:
                save_file(self.objective.seen(), aside, metadata=fields | {"step": str(step)})
        message = f"step {step} of {self.stage.name}: loss {loss}, gradient norm {norm}"
        return FloatingPointError(f"{message}; what it was learned from is in {path}")

    def _resume(self) -> int:
        latest = checkpoint.latest(self.folder)
        progress = checkpoint.Progress(0)
        if latest is not None:
            progress = checkpoint.restore(latest, self.learner, self.optimizers, self.stage.saves_frozen)
            if isinstance(self.objective, Stateful):
                self.objective.restore(progress.objective)
        if self.ranks.is_first:
            self.metrics.resume_from(progress.step)
        return progress.step

    def _save(self, step: int, shown: Progress) -> None:
        state: dict[str, Any] = self.objective.state() if isinstance(self.objective, Stateful) else {}
        progress = checkpoint.Progress(step, state)
        keep, frozen = self.stage.keep, self.stage.saves_frozen
        checkpoint.save(self.folder, progress, self.learner, self.optimizers, keep, self.ranks, frozen)
        self._run_callback(step, shown)

    def _run_callback(self, step: int, shown: Progress) -> None:
        report = "" if self.callback is None else self.callback(self.learner, self.folder, step)
        if self.ranks.is_first:
            lines = f"{self.stage.name}: step {step} saved\n{report}".rstrip()
            shown.console.print(lines, markup=False, highlight=False)

    def _progress(self) -> Progress:
        return Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
            TextColumn("{task.fields[figures]}"), disable=not self.ranks.is_first,
        )  # fmt: skip


def freeze_all_but(learner: nn.Module, prefixes: tuple[str, ...]) -> None:
    """Freeze every parameter whose name begins with none of `prefixes`; ValueError if one of them has no match."""
    names = [name for name, _ in learner.named_parameters()]
    unmatched = [prefix for prefix in prefixes if not any(name.startswith(prefix) for name in names)]
    if unmatched:
        raise ValueError(
            f"no parameter begins with {unmatched}; there are {sorted({name.split('.')[0] for name in names})}"
        )
    for name, parameter in learner.named_parameters():
        parameter.requires_grad_(name.startswith(prefixes))
