"""Where and how a run is computed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from demiglace.jobs.time_plan import TimePlan
from demiglace.training.distributed import ALONE, ProcessGroup
from demiglace.training.flops import measure_peak
from demiglace.training.pace import UNTIMED, Pace


@dataclass(frozen=True)
class Machine:
    """Where and how a run is computed; apart from `dtype` and `plan`, none of it changes the result.

    dtype: of matrix products; weights are float32. num_workers: processes of each rank that prepare samples.
    skip_bad: bad records are left out instead of ending the run. refuse_long: records too long for a row end the run.
    restart: an earlier run in the folder is moved aside first. log: gets messages for the terminal.
    plan: sets the steps of stages by the time available, which does change the result; None keeps the recipe's.
    """

    device: torch.device
    dtype: torch.dtype
    ranks: ProcessGroup = ALONE
    num_workers: int = 2
    skip_bad: bool = False
    refuse_long: bool = False
    tensorboard: bool = False
    restart: bool = False
    pace: Pace = UNTIMED
    plan: TimePlan | None = None
    log: Callable[[str], None] = lambda message: None

    @property
    def dtype_name(self) -> str:
        return str(self.dtype).removeprefix("torch.")


def check_dtype(dtype: torch.dtype) -> None:
    """ValueError if training does not support it."""
    if dtype not in (torch.float32, torch.bfloat16):
        raise ValueError(f"training needs float32 or bfloat16, got {dtype}")


def measured_peak(machine: Machine) -> float:
    """Operations per second of all processes together."""
    peak = machine.ranks.sum([measure_peak(machine.device, machine.dtype)])[0]
    kind = machine.dtype_name
    machine.log(f"measured: {peak / 1e12:.3g} TFLOP/s in a {kind} matrix product; FLOP utilisation is a share of that")
    return peak
