"""`demiglace train RECIPE`: a whole run; resumes where it stopped."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from demiglace.cli import training_options as training
from demiglace.cli.terminal import note, this_command


def train(
    recipe: Annotated[str, typer.Argument(help="nano")],
    folder: training.Folder = Path("runs/nano"),
    seed: Annotated[int, typer.Option(help="Seed of the run; it determines the model.")] = 0,
    start: Annotated[Path | None, typer.Option(help="Folder of a model to continue from, its heads beside it.")] = None,
    documents: Annotated[Path | None, typer.Option(help="Folder of PDFs for the stages from decay on.")] = None,
    fonts: Annotated[Path | None, typer.Option(help="Folder of font files, for half of the rendered lines.")] = None,
    stages: Annotated[
        str | None, typer.Option(help="Only these stages, of decay,shapes. [default: all but shapes]")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="A few steps of each stage, as a smoke test.")] = False,
    restart: training.Restart = False,
) -> None:
    """Train a model from random weights. Stop it with Ctrl-C; the same command resumes from there."""
    if recipe != "nano":
        raise ValueError(f"unknown recipe {recipe!r}; the only one is nano")
    try:
        from demiglace.jobs import nano as job
        from demiglace.recipes import nano
    except ModuleNotFoundError as missing:
        raise ValueError(f"training needs {missing.name}: pip install 'demiglace[train]'") from missing

    from_nothing = nano.NanoRecipe(seed=seed, documents=documents)
    chosen = replace(from_nothing if start is None else nano.continued(start, seed, documents), fonts=fonts)
    if stages is not None:
        chosen = replace(chosen, only=tuple(stages.split(",")))
    model = job.train(nano.quick(chosen) if quick else chosen, folder, note, restart)
    if model is None:
        typer.echo(f"stopped; go on with: {this_command()}", err=True)
        raise typer.Exit(130)
    typer.echo(f"the model is in {model}")
