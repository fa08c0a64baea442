"""What all runs share: the machine they run on, what they learn from, and how a model leaves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from demiglace.data.loader import Loader
from demiglace.data.mixture import Mixture
from demiglace.jobs.run_folder import SKIPPED_FILE, cut_back, write_down
from demiglace.model import weights
from demiglace.model.config_file import CheckpointFacts
from demiglace.model.minicpmv import MiniCPMV
from demiglace.processing.processor import Processor
from demiglace.training.distributed import ALONE, Ranks
from demiglace.training.flops import Learning, measure_peak
from demiglace.training.supervised import LearnConversations
from demiglace.training.trainer import Stage


@dataclass(frozen=True)
class Machine:
    """Where and how a run is computed; apart from `dtype`, none of it changes what is learned.

    dtype: of matrix products; weights are float32. num_workers: processes of each rank that prepare samples.
    skip_bad, refuse_long: whether bad records, and those too long for a row, are left out or end the run.
    restart: whether an earlier run in the folder is set aside first. say: what a person at the terminal should know.
    """

    device: torch.device
    dtype: torch.dtype
    ranks: Ranks = ALONE
    num_workers: int = 2
    skip_bad: bool = False
    refuse_long: bool = False
    tensorboard: bool = False
    restart: bool = False
    say: Callable[[str], None] = lambda told: None

    @property
    def dtype_name(self) -> str:
        return str(self.dtype).removeprefix("torch.")


def check_dtype(dtype: torch.dtype) -> None:
    """ValueError where training does not compute in it."""
    if dtype not in (torch.float32, torch.bfloat16):
        raise ValueError(f"training computes in float32 or bfloat16, got {dtype}")


def measured_peak(machine: Machine) -> float:
    """Of all processes together."""
    peak = machine.ranks.sum([measure_peak(machine.device, machine.dtype)])[0]
    kind = machine.dtype_name
    machine.say(f"measured: {peak / 1e12:.3g} TFLOP/s in a {kind} matrix product; FLOP utilisation is a share of that")
    return peak


def open_loader(
    mixture: Mixture, processor: Processor, machine: Machine, *, length: int, num_rows: int, seed: int
) -> Loader:
    """The rows of this process."""
    return Loader(
        mixture,
        processor,
        length=length,
        num_streams=num_rows,
        streams=machine.ranks.share(num_rows),
        seed=seed,
        num_workers=machine.num_workers,
        skip_bad=machine.skip_bad,
    )


def learn_from(
    loader: Loader,
    processor: Processor,
    stage: Stage,
    machine: Machine,
    stage_folder: Path,
    *,
    length: int,
    rows_per_part: int,
    learning: Learning,
) -> LearnConversations:
    """The objective of a stage over the rows of `loader`; records that are left out are listed in `stage_folder`."""
    if machine.ranks.is_first:
        cut_back(stage_folder)
    return LearnConversations(
        loader=loader,
        length=length,
        rows_per_part=rows_per_part,
        padding_token=processor.tokenizer.special["end_of_text"],
        decayed=stage.decayed,
        learning=learning,
        ranks=machine.ranks,
        device=machine.device,
        dtype=machine.dtype,
        on_skipped=partial(write_down, stage_folder / SKIPPED_FILE, machine.refuse_long),
        sample_power=stage.sample_power,
    )


def export(model: MiniCPMV, processor: Processor, folder: Path) -> None:
    """Write the model in the released layout, in bfloat16 as the release."""
    facts = CheckpointFacts(**processor.checkpoint_facts(), do_sample=False)
    weights.save(model.to(torch.bfloat16), folder, facts=facts)
    processor.save(folder)
