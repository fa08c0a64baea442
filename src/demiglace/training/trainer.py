"""The one supervised loop. A stage sets trainable parameters, learning rate and steps; an objective gives the losses.

Learning rates depend on the step alone. An objective draws its data from the step too, or saves its position with the
checkpoint. So a run that was killed and resumed has exactly the losses of one that was not.
"""

from __future__ import annotations

import json
import math
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from safetensors.torch import save_file
from torch import nn

from demiglace.safe_files import atomic_path, write_whole
from demiglace.training import checkpoint
from demiglace.training.distributed import ALONE, ProcessGroup, full_tensor, shard
from demiglace.training.metrics import Figures, Metrics
from demiglace.training.objective import CheckpointCallback, Objective, RememberingCallback, Stateful
from demiglace.training.optim import optimizers
from demiglace.training.stage import Stage


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
    ) -> None:
        """`is_enough` is asked before every step whether the stage may end here."""
        self.learner, self.stage, self.objective, self.folder = learner, stage, objective, folder
        self.callback, self.ranks, self.is_enough = callback, ranks, is_enough
        freeze_all_but(learner, stage.trainable)
        shard(learner, ranks)
        self.parameters = {name: value for name, value in learner.named_parameters() if value.requires_grad}
        self.optimizers = optimizers(self.parameters.items(), stage.learning_rate, stage.weight_decay, stage.muon)
        folder.mkdir(parents=True, exist_ok=True)
        self.metrics = Metrics(folder, stage.name, stage.log_every, peak, tensorboard)
        self.stopping = False

    def run(self) -> bool:
        """Train to the end of the stage; False if a signal stopped it, with everything saved.

        Raises FloatingPointError where loss or norm are not finite, and `checkpoint.NotWritten` where the disk refuses
        what is written.
        """
        with checkpoint.what_is_left(self.folder):
            return self._run()

    def _run(self) -> bool:
        saved = step = self._resume()
        with self._signals(), self.metrics, self._progress() as progress:
            if step and isinstance(self.callback, RememberingCallback) and self.callback.lacks(self.folder, step):
                self._watch(step, progress)
            task = progress.add_task(self.stage.name, total=self.stage.num_steps, completed=step, figures="")
            while not (done := step >= self.stage.num_steps or self.is_enough()) and not self._should_stop():
                figures = self._step(step)
                step += 1
                if self.ranks.is_first:
                    progress.update(task, completed=step, figures=self.metrics.add(step, figures))
                if step % self.stage.save_every == 0:
                    self._save(step, progress)
                    saved = step
            if saved < step:
                self._save(step, progress)
        return done

    def _step(self, step: int) -> Figures:
        began = time.perf_counter()
        share = self.stage.rate_share(step)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["peak"] * share
        figures = self._accumulate(step)
        norm = float(full_tensor(nn.utils.clip_grad_norm_(self.parameters.values(), self.stage.max_grad_norm)))
        if not (math.isfinite(norm) and math.isfinite(figures["loss"])):
            raise self._not_finite(step + 1, figures["loss"], norm)
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        seconds = time.perf_counter() - began
        first = {"loss": figures["loss"], "lr": self.stage.learning_rate * share, "grad_norm": norm}
        return first | figures | {"seconds": seconds}

    def _accumulate(self, step: int) -> Figures:
        """Gradients of all parts of a step, added up; so are loss and figures, over all processes."""
        total: Figures = {"loss": 0.0}
        for loss, figures in self.objective(self.learner, step):
            # Sharded gradients are averaged over the processes; here they add up.
            (loss * self.ranks.count).backward()
            for name, value in {"loss": float(loss.detach()), **figures}.items():
                total[name] = total.get(name, 0.0) + value
        return dict(zip(total, self.ranks.sum(list(total.values())), strict=True))

    def _not_finite(self, step: int, loss: float, norm: float) -> FloatingPointError:
        """Save what the step was learned from, and name the file."""
        own = "" if self.ranks.count == 1 else f"-process-{self.ranks.rank}"
        path = self.folder / f"bad-step-{step}{own}.json"
        fields = {"stage": self.stage.name, "step": step, "loss": str(loss), "grad_norm": str(norm)}
        write_whole(path, json.dumps(fields) + "\n")
        if isinstance(self.objective, Stateful):
            path = path.with_suffix(".safetensors")
            with atomic_path(path) as aside:
                save_file(self.objective.seen(), aside, metadata=fields | {"step": str(step)})
        told = f"step {step} of {self.stage.name}: loss {loss}, gradient norm {norm}"
        return FloatingPointError(f"{told}; what it was learned from is in {path}")

    def _resume(self) -> int:
        found = checkpoint.latest(self.folder)
        progress = checkpoint.Progress(0)
        if found is not None:
            progress = checkpoint.restore(found, self.learner, self.optimizers, self.stage.saves_frozen)
            if isinstance(self.objective, Stateful):
                self.objective.restore(progress.objective)
        if self.ranks.is_first:
            self.metrics.go_on_from(progress.step)
        return progress.step

    def _save(self, step: int, shown: Progress) -> None:
        state: dict[str, Any] = self.objective.state() if isinstance(self.objective, Stateful) else {}
        progress = checkpoint.Progress(step, state)
        keep, frozen = self.stage.keep, self.stage.saves_frozen
        checkpoint.save(self.folder, progress, self.learner, self.optimizers, keep, self.ranks, frozen)
        self._watch(step, shown)

    def _watch(self, step: int, shown: Progress) -> None:
        seen = "" if self.callback is None else self.callback(self.learner, self.folder, step)
        if self.ranks.is_first:
            shown.console.print(f"{self.stage.name}: step {step} saved\n{seen}".rstrip(), markup=False, highlight=False)

    def _should_stop(self) -> bool:
        """Whether a signal has reached any process: all must stop at the same step."""
        return self.ranks.sum([float(self.stopping)])[0] > 0

    @contextmanager
    def _signals(self) -> Iterator[None]:
        handlers = {number: signal.signal(number, self._stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self.stopping = True

    def _progress(self) -> Progress:
        return Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
            TextColumn("{task.fields[figures]}"), disable=not self.ranks.is_first,
        )  # fmt: skip


def freeze_all_but(learner: nn.Module, beginnings: tuple[str, ...]) -> None:
    """Freeze every parameter whose name begins with none of `beginnings`; ValueError where one is of none."""
    names = [name for name, _ in learner.named_parameters()]
    silent = [beginning for beginning in beginnings if not any(name.startswith(beginning) for name in names)]
    if silent:
        raise ValueError(
            f"no parameter begins with {silent}; there are {sorted({name.split('.')[0] for name in names})}"
        )
    for name, parameter in learner.named_parameters():
        parameter.requires_grad_(name.startswith(beginnings))
