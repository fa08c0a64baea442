"""How a run of the nano recipe is executed, apart from the recipe."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from demiglace.bootstrap.computation import ON_HOST, Computation
from demiglace.jobs.time_plan import TimePlan
from demiglace.training.flops import measure_peak
from demiglace.training.pace import UNTIMED, Pace


@dataclass(frozen=True)
class Execution:
    """Settings of the execution; only the dtype and the plan change the result.

    computation: of the losses. num_renderers: processes that draw pictures.
    plan: sets the steps of stages by the time available; None keeps the recipe's.
    compiled: whether the decoder's layers are compiled.
    on_export: called with the run's folder after the model of each checkpoint is exported to it; with None the model is
        exported only at the ends of stages.
    """

    computation: Computation = ON_HOST
    num_renderers: int = 1
    pace: Pace = UNTIMED
    plan: TimePlan | None = None
    compiled: bool = False
    on_export: Callable[[Path], None] | None = None

    @property
    def device(self) -> torch.device:
        return self.computation.device

    def peak(self, log: Callable[[str], None]) -> float | None:
        """The device's operations per second, measured, if operations are counted."""
        if not self.computation.counts:
            return None
        peak = measure_peak(self.device, self.computation.dtype)
        log(f"measured: {peak / 1e12:.3g} TFLOP/s in a matrix product; FLOP utilisation is a share of that")
        return peak


DEFAULT_EXECUTION = Execution()
