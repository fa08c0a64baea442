"""`demiglace pretrain MIXTURE.toml`: the paper's three pre-training stages; resumes where it stopped."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer

from demiglace.cli import training_options as training
from demiglace.cli.inference_options import with_options
from demiglace.cli.training_command import advice_on_rows, run_together


@with_options
def pretrain(
    mixture: training.MixturePath,
    preset: Annotated[str, typer.Option(help="nano, small or 8b: rates, rows and steps, and the model's size.")],
    folder: training.Folder,
    start: Annotated[
        str | None, typer.Option(help="Folder or hub id of a model to start from, or nano or nano-reader.")
    ] = None,
    seed: training.Seed = 0,
    steps: Annotated[str | None, typer.Option(help="Steps of the three stages, such as 100,100,500.")] = None,
    lr: Annotated[float | None, typer.Option(help="Learning rate of the stable part. [default: the preset's]")] = None,
    *,
    rows: training.Rows,
    activation_checkpointing: training.PresetActivationCheckpointing = False,
    save_every: training.SaveEvery = 100,
    keep: training.Keep = 2,
    workers: training.NumWorkers = 2,
    skip_bad: training.SkipBad = False,
    computing: training.Computing,
) -> None:
    """Pre-train a model in the paper's three stages. Stop it with Ctrl-C; the same command resumes from there.

    torchrun --nproc-per-node 8 -m -- demiglace pretrain MIXTURE.toml ... runs it in 8 processes.
    """
    from demiglace.data.mixture_file import read_mixture
    from demiglace.jobs.staged import run
    from demiglace.model.hub import folder_of
    from demiglace.recipes.pretraining import PretrainingRecipe, numbers_of

    num_steps = None if steps is None else training.steps_like("100,100,500", steps)
    wanted: dict[str, Any] = {"learning_rate": lr, "num_steps": num_steps, **asdict(rows)}
    numbers = numbers_of(preset, activation_checkpointing=activation_checkpointing or None, **wanted)
    recipe = PretrainingRecipe(
        mixture=read_mixture(mixture),
        preset=preset,
        numbers=numbers,
        seed=seed,
        start=None if start is None else folder_of(start),
        save_every=save_every,
        keep=keep,
    )
    machine = computing.machine(num_workers=workers, skip_bad=skip_bad)
    run_together(lambda own: run(recipe, folder, own), machine, "model", advice_on_rows(numbers, folder))
