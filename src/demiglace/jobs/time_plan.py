"""How many steps the stages of a run get by the time there is, written down so that a resumed run has the same."""

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
USED = 0.9  # ours: of the time, since steps may become slower than those that were timed
WARM_STEPS, TIMED_STEPS = 3, 5  # ours


class TimePlan:
    """A stage gets its share of what is left of the time, after `reserve` seconds for what comes behind the last.

    shares: of the stages, in proportion to one another. A stage's steps are fixed when it begins: one that takes longer
    or shorter than was thought changes those after it.
    """

    def __init__(self, folder: Path, shares: Mapping[str, float], pace: Pace, reserve: float) -> None:
        self.path, self.shares, self.pace, self.reserve = folder / PLAN_FILE, shares, pace, reserve

    def is_late(self, stage: Stage) -> bool:
        """Whether no time is left to plan the stage: it is left to a call with more."""
        return stage.name not in self.steps() and self.pace.seconds_left <= self.reserve

    def fitted(self, stage: Stage, seconds_of_a_step: Callable[[], float]) -> Stage:
        """The stage with its steps: those written down, or as many as fit, of which one takes so many seconds."""
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
        """Of the stages that have begun."""
        return STEPS.check(str(self.path), read_object(self.path, MOST_PLAN_BYTES)) if self.path.exists() else {}


def seconds_of_a_step(learner: nn.Module, stage: Stage, objective: Objective) -> float:
    """The mean of a few steps, after some that are not counted; the learner is in the end as it was."""
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
