"""Training on a user's own mixture, stage after stage: pre-training and SFT; resumes where it stopped.

    demiglace pretrain MIXTURE.toml --preset 8b --start FOLDER --folder RUN
    demiglace sft MIXTURE.toml --preset 8b --start FOLDER --folder RUN

A run's folder holds `run.json` (the settings that determine it), a folder for each stage, and at the end `model`. Each
stage starts from the last checkpoint of the one before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol

import torch

from demiglace.data.loader import Loader
from demiglace.data.mixture import Mixture
from demiglace.data.mixture_file import STAGES, MixtureFile
from demiglace.jobs.export import export
from demiglace.jobs.machine import Machine, check_dtype, measured_peak
from demiglace.jobs.run_folder import SKIPPED_FILE, open_folder
from demiglace.jobs.run_record import inputs_of
from demiglace.jobs.supervised_stage import open_loader, supervised_objective
from demiglace.jobs.time_plan import PLAN_FILE, seconds_of_a_step
from demiglace.model import weights
from demiglace.model.minicpmv import MiniCPMV, MiniCPMVConfig
from demiglace.processing.processor import Processor
from demiglace.training import checkpoint
from demiglace.training.flops import Learning
from demiglace.training.initialisation import initialise
from demiglace.training.stage import Stage
from demiglace.training.supervised import LanguageLearner, SupervisedObjective
from demiglace.training.trainer import Trainer


class RowNumbers(Protocol):
    """How a step is split: `batch_rows` rows of `length` tokens, `micro_batch_rows` of them per forward pass."""

    @property
    def length(self) -> int: ...
    @property
    def batch_rows(self) -> int: ...
    @property
    def micro_batch_rows(self) -> int: ...
    @property
    def activation_checkpointing(self) -> bool: ...


class StagedRecipe(Protocol):
    """The interface of the recipes that `run` takes.

    start: folder of a model to start from, or None for random weights from the seed.
    """

    @property
    def mixture(self) -> MixtureFile: ...
    @property
    def numbers(self) -> RowNumbers: ...
    @property
    def seed(self) -> int: ...
    @property
    def start(self) -> Path | None: ...
    def stages(self) -> list[Stage]: ...
    def config(self) -> MiniCPMVConfig: ...
    def processor(self) -> Processor: ...
    def settings(self) -> dict[str, Any]:
        """The settings that determine the run, for `run.json`; how a step is split may change on resume."""


def run(recipe: StagedRecipe, folder: Path, machine: Machine) -> Path | None:
    """Run or resume the recipe in `folder`; returns the folder of the finished model, or None if a signal stopped it.

    Raises ValueError if a stage has no source or the folder holds a run with other settings, BadRecord for a bad record
    unless they are skipped, and what `Trainer.run` raises.
    """
    check_dtype(machine.dtype)
    machine.ranks.share(recipe.numbers.batch_rows)  # raises if they cannot be divided evenly
    processor, config = recipe.processor(), recipe.config()
    config.llm.check_length(recipe.numbers.length)
    notices: dict[str, None] = {}  # each once, though several stages use a source
    mixtures = {stage.name: recipe.mixture.mixture(stage.name, notices.setdefault) for stage in recipe.stages()}
    for notice in notices:
        machine.log(notice)
    settings = recipe.settings() | {"dtype": machine.dtype_name}
    sources = [source for mixture in mixtures.values() for source in mixture.sources]
    made = [*mixtures, "model", PLAN_FILE]
    ranks, log, restart = machine.ranks, machine.log, machine.restart
    with open_folder(folder, settings, lambda: inputs_of(sources, recipe.start), made, ranks, log, restart):
        return run_stages(recipe, mixtures, processor, folder, machine)


def run_stages(
    recipe: StagedRecipe, mixtures: Mapping[str, Mixture], processor: Processor, folder: Path, machine: Machine
) -> Path | None:
    """Run the stages in order, each from the last checkpoint of the one before; None if a signal stopped it."""
    before: Path | None = None
    peak: float | None = None
    for stage in recipe.stages():
        if machine.plan is not None or not is_done(stage, folder):
            peak = peak or measured_peak(machine)
            learner = initial_learner(recipe, before).to(machine.device)
            if not run_stage(recipe, stage, mixtures[stage.name], learner, processor, folder, machine, peak):
                return None
        before = checkpoint.latest(folder / stage.name)

    def finish() -> None:
        with checkpoint.write_errors(folder / recipe.stages()[-1].name):
            export(initial_learner(recipe, before).model, processor, folder / "model", recipe.start)

    machine.ranks.first(finish)
    return folder / "model"


def is_done(stage: Stage, folder: Path) -> bool:
    found = checkpoint.latest(folder / stage.name)
    return found is not None and checkpoint.num_steps(found) >= stage.num_steps


def initial_learner(recipe: StagedRecipe, before: Path | None) -> LanguageLearner:
    """The learner from the checkpoint `before`, else from the model to start from, else with random weights."""
    if recipe.start is not None and before is None:
        return LanguageLearner(weights.load(recipe.start, torch.float32), recipe.numbers.activation_checkpointing)
    learner = LanguageLearner(MiniCPMV(recipe.config()), recipe.numbers.activation_checkpointing)
    if before is None:
        initialise(learner, recipe.seed)
    else:
        checkpoint.restore_learner(before, learner)
    return learner


def run_stage(
    recipe: StagedRecipe,
    stage: Stage,
    mixture: Mixture,
    learner: LanguageLearner,
    processor: Processor,
    folder: Path,
    machine: Machine,
    peak: float,
) -> bool:
    """False if a signal or the deadline stopped it."""
    stage_folder = folder / stage.name

    def rows() -> Loader:
        return open_loader(
            mixture,
            processor,
            machine,
            length=recipe.numbers.length,
            batch_rows=recipe.numbers.batch_rows,
            seed=recipe.seed * len(STAGES) + STAGES.index(stage.name),  # each stage has its own order
        )

    def objective(loader: Loader) -> SupervisedObjective:
        numbers, learning = recipe.numbers, Learning.of(stage.trainable)
        bounds = {"length": numbers.length, "micro_batch_rows": numbers.micro_batch_rows}
        return supervised_objective(loader, processor, stage, machine, stage_folder, **bounds, learning=learning)

    def seconds() -> float:
        with closing(rows()) as loader:
            return seconds_of_a_step(learner, stage, objective(loader))

    def counts(learner: LanguageLearner, stage_folder: Path, step: int) -> str:
        own, names = loader.counts, [source.name for source in mixture.sources]
        own_each = [own.by_source.get(name, 0) for name in names]
        read, bad, too_long, *each = machine.ranks.sum([own.read, own.bad, own.too_long, *own_each])
        by_source = ", ".join(f"{name} {number:.0f}" for name, number in zip(names, each, strict=True))
        listed = f", listed in {stage_folder / SKIPPED_FILE}" if bad or too_long else ""
        skipped = f"{bad:.0f} bad and {too_long:.0f} too long skipped{listed}"
        return f"{read:.0f} samples learned from ({by_source}); {skipped}"

    if machine.plan is not None:
        if machine.plan.is_late(stage):
            return False
        stage = machine.plan.fitted(stage, seconds)
    with closing(rows()) as loader:
        ranks, pace, log = machine.ranks, machine.pace, machine.log
        trainer = Trainer(
            learner, stage, objective(loader), stage_folder, counts, ranks, peak, machine.tensorboard,
            pace=pace, log=log,
        )  # fmt: skip
        return trainer.run()
