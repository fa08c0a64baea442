"""The number of steps of a run's stages by the time available, saved so that a resumed run has the same."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from torch import nn

from demiglace.fields import TableOf, Whole
from demiglace.safe_files import read_object, write_whole
from demiglace.training.objective import Objective
from demiglace.training.pace import Pace
from demiglace.training.stage import Stage
from demiglace.training.trainer import Trainer

PLAN_FILE = "plan.json"
STEPS = TableOf(Whole(1, 2**53))
MOST_PLAN_BYTES = 2**20
USED = 0.9  # ours: share of the time, because steps may become slower than those timed
WARM_STEPS, TIMED_STEPS = 3, 5  # ours


class TimePlan:
    """A stage gets its share of the remaining time, less `reserve` seconds for the work after the last stage.

    shares: of the stages, relative to each other. A stage's steps are fixed when it starts; if it takes longer or
    shorter than planned, the later stages change.
    """

    def __init__(self, folder: Path, shares: Mapping[str, float], pace: Pace, reserve: float) -> None:
        self.path, self.shares, self.pace, self.reserve = folder / PLAN_FILE, shares, pace, reserve

    def is_late(self, stage: Stage) -> bool:
        """Whether no time is left to plan the stage, so that it must wait for another call with more time."""
        return stage.name not in self.steps() and self.pace.seconds_left <= self.reserve

    def fitted(self, stage: Stage, seconds_of_a_step: Callable[[], float]) -> Stage:
        """The stage with its number of steps: the saved one, or as many as fit in its time."""
        planned = self.steps()
        if stage.name not in planned:
            step = seconds_of_a_step()
            left = sum(share for name, share in self.shares.items() if name not in planned)
            seconds = USED * (self.pace.seconds_left - self.reserve) * self.shares[stage.name] / left
            planned = {**planned, stage.name: max(1, int(seconds / step))}
            write_whole(self.path, json.dumps(planned) + "\n")
        steps = planned[stage.name]
        return replace(stage, num_steps=steps, warmup=min(stage.warmup, steps // 5))

    def steps(self) -> dict[str, int]:
        """The steps of the stages that have started."""
        return STEPS.check(str(self.path), read_object(self.path, MOST_PLAN_BYTES)) if self.path.exists() else {}


def seconds_of_a_step(learner: nn.Module, stage: Stage, objective: Objective) -> float:
    """The mean time of a few steps, after warm-up steps that are not counted; the learner is restored afterwards."""
    before = {name: tensor.clone() for name, tensor in learner.state_dict().items()}
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(learner, stage, objective, Path(folder))
        trainer.rehearse(range(WARM_STEPS))
        began = time.perf_counter()
        trainer.rehearse(range(WARM_STEPS, WARM_STEPS + TIMED_STEPS))
        seconds = (time.perf_counter() - began) / TIMED_STEPS
    learner.load_state_dict(before)
    for parameter in learner.parameters():
        parameter.grad = None
    return seconds
