"""`demiglace sft MIXTURE.toml`: the paper's two stages of supervised fine-tuning; resumes where it stopped."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer

from demiglace.cli import inference_options
from demiglace.cli import training_options as training
from demiglace.cli.training_command import advice_on_rows, run_together

SamplePower = Annotated[
    float | None,
    typer.Option(
        help="A sample with n tokens in the loss has weight n to this power: 0 (equal) to 1. [default: the preset's]"
    ),
]


@inference_options.with_options
def sft(
    mixture: training.MixturePath,
    preset: Annotated[str, typer.Option(help="nano, small or 8b: rates, rows and steps.")],
    start: training.Start,
    folder: training.Folder,
    seed: training.Seed = 0,
    steps: Annotated[str | None, typer.Option(help="Steps of the two stages, such as 500,300.")] = None,
    lr: Annotated[
        float | None, typer.Option(help="Peak learning rate of the general stage. [default: the preset's]")
    ] = None,
    long_lr: Annotated[
        float | None, typer.Option(help="Peak learning rate of the second stage. [default: the preset's]")
    ] = None,
    min_lr: Annotated[
        float | None, typer.Option(help="Learning rate at the end of both. [default: the preset's]")
    ] = None,
    sample_power: SamplePower = None,
    *,
    rows: training.Rows,
    activation_checkpointing: training.PresetActivationCheckpointing = False,
    static_patches: inference_options.StaticPatches = None,
    save_every: training.SaveEvery = 100,
    keep: training.Keep = 2,
    workers: training.NumWorkers = 2,
    skip_bad: training.SkipBad = False,
    computing: training.Computing,
) -> None:
    """Fine-tune a model in the paper's two stages. Stop it with Ctrl-C; the same command resumes from there.

    torchrun --nproc-per-node 8 -m -- demiglace sft MIXTURE.toml ... runs it in 8 processes.
    """
    from demiglace.data.mixture_file import read_mixture
    from demiglace.jobs.staged import run
    from demiglace.model.hub import folder_of
    from demiglace.recipes.sft import SftRecipe, numbers_of

    wanted: dict[str, Any] = {"learning_rate": lr, "long_learning_rate": long_lr, "min_learning_rate": min_lr}
    wanted |= {"sample_power": sample_power, **asdict(rows)}
    wanted |= {"num_steps": None if steps is None else training.steps_like("500,300", steps)}
    numbers = numbers_of(preset, activation_checkpointing=activation_checkpointing or None, **wanted)
    recipe = SftRecipe(
        mixture=read_mixture(mixture),
        numbers=numbers,
        start=folder_of(start),
        seed=seed,
        save_every=save_every,
        keep=keep,
        static_patches=static_patches,
    )
    machine = computing.machine(num_workers=workers, skip_bad=skip_bad)
    run_together(lambda own: run(recipe, folder, own), machine, "model", advice_on_rows(numbers, folder))
