"""Shared by all runs on conversations: the loader of a process, and the objective of a stage over its rows."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from demiglace.data.loader import Loader
from demiglace.data.mixture import Mixture
from demiglace.jobs.machine import Machine
from demiglace.jobs.run_folder import SKIPPED_FILE, cut_back, log_skipped
from demiglace.processing.processor import Processor
from demiglace.training.flops import Learning
from demiglace.training.stage import Stage
from demiglace.training.supervised import SupervisedObjective


def open_loader(
    mixture: Mixture, processor: Processor, machine: Machine, *, length: int, batch_rows: int, seed: int
) -> Loader:
    """The loader of this process's rows."""
    return Loader(
        mixture,
        processor,
        length=length,
        num_streams=batch_rows,
        streams=machine.ranks.share(batch_rows),
        seed=seed,
        num_workers=machine.num_workers,
        skip_bad=machine.skip_bad,
    )


def supervised_objective(
    loader: Loader,
    processor: Processor,
    stage: Stage,
    machine: Machine,
    stage_folder: Path,
    *,
    length: int,
    micro_batch_rows: int,
    learning: Learning,
) -> SupervisedObjective:
    """The objective of a stage over the rows of `loader`; skipped records are listed in `stage_folder`."""
    if machine.ranks.is_first:
        cut_back(stage_folder)
    return SupervisedObjective(
        loader=loader,
        length=length,
        micro_batch_size=micro_batch_rows,
        padding_token=processor.tokenizer.special["end_of_text"],
        decayed=stage.decayed,
        learning=learning,
        ranks=machine.ranks,
        device=machine.device,
        dtype=machine.dtype,
        on_skipped=partial(log_skipped, stage_folder / SKIPPED_FILE, machine.refuse_long),
        sample_power=stage.sample_power,
    )
