"""`demiglace pretrain MIXTURE.toml`: the paper's three pre-training stages, resumed where they stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from demiglace.cli import options
from demiglace.cli.long_run import run_together


def pretrain(
    mixture: Annotated[Path, typer.Argument(help="TOML file of sources and their weights.")],
    preset: Annotated[str, typer.Option(help="nano, small or 8b: rates, rows and steps, and the model's size.")],
    folder: Annotated[Path, typer.Option(help="Where checkpoints, metrics and the model go.")],
    start: Annotated[str | None, typer.Option(help="Folder or hub id of a model to begin from.")] = None,
    seed: Annotated[int, typer.Option(help="Another seed is another run.", min=0)] = 0,
    steps: Annotated[str | None, typer.Option(help="Steps of the three stages, such as 100,100,500.")] = None,
    rate: Annotated[float | None, typer.Option(help="Of the stable part. [default: the preset's]")] = None,
    length: Annotated[int | None, typer.Option(help="Tokens of a row. [default: the preset's]")] = None,
    rows: Annotated[int | None, typer.Option(help="Rows of a step. [default: the preset's]")] = None,
    rows_at_once: Annotated[
        int | None, typer.Option(help="Rows that memory must hold. [default: the preset's]")
    ] = None,
    save_every: Annotated[int, typer.Option(help="Steps between checkpoints.", min=1)] = 100,
    keep: Annotated[int, typer.Option(help="Checkpoints of a stage that are kept.", min=1)] = 2,
    workers: Annotated[int, typer.Option(help="Processes that prepare samples; 0 is none.", min=0)] = 2,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Name and count wrong records and go on.")] = False,
    tensorboard: Annotated[bool, typer.Option("--tensorboard", help="Write the curves for TensorBoard too.")] = False,
    device: options.Device = None,
    dtype: options.Dtype = None,
) -> None:
    """Pre-train a model in the paper's three stages. Stop it with Ctrl-C; the same command goes on from there.

    torchrun --nproc-per-node 8 -m -- demiglace pretrain MIXTURE.toml ... runs it in 8 processes.
    """
    from demiglace.data.mixture_file import read_mixture
    from demiglace.inference.source import device_named, dtype_named
    from demiglace.model.weights import resolve
    from demiglace.recipes.pretraining import PretrainingRecipe, numbers_of
    from demiglace.recipes.pretraining_run import pretrain as pretrained
    from demiglace.recipes.run import Machine
    from demiglace.training.distributed import own_device

    wanted: dict[str, Any] = {"rate": rate, "length": length, "num_rows": rows, "rows_per_part": rows_at_once}
    wanted |= {"num_steps": None if steps is None else three_numbers(steps)}
    recipe = PretrainingRecipe(
        mixture=read_mixture(mixture),
        preset=preset,
        numbers=numbers_of(preset, **{name: value for name, value in wanted.items() if value is not None}),
        seed=seed,
        start=None if start is None else resolve(start),
        save_every=save_every,
        keep=keep,
    )
    where = own_device(device_named(device))
    machine = Machine(where, dtype_named(dtype, where), num_workers=workers, skip_bad=skip_bad, tensorboard=tensorboard)
    run_together(lambda own: pretrained(recipe, folder, own), machine, "model")


def three_numbers(text: str) -> tuple[int, int, int]:
    """ "100,100,500" -> those; ValueError for anything else."""
    parts = text.split(",")
    if len(parts) != 3 or not all(part.strip().isdecimal() for part in parts):
        raise ValueError(f"--steps takes three whole numbers such as 100,100,500, got {text!r}")
    first, second, third = map(int, parts)
    return first, second, third
