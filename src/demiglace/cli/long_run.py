"""How a command that trains runs: in all processes together, and what a person is told of its end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from demiglace.cli.terminal import complain, note, this_command

if TYPE_CHECKING:
    from demiglace.recipes.run import Machine


def run_together(job: Callable[[Machine], Path | None], machine: Machine, result: str) -> None:
    """Run `job`, which gives the folder of its `result`, or None where a signal stopped it."""
    from demiglace.data.sources.source import BadRecord
    from demiglace.training.distributed import together

    with together(machine.device) as ranks:
        say = note if ranks.is_first else _say_nothing
        try:
            folder = job(replace(machine, ranks=ranks, say=say))
        except BadRecord as error:
            raise ValueError(f"{error}; with --skip-bad such records are listed and the run goes on") from error
        except FloatingPointError as error:
            complain(error)
            raise typer.Exit(1) from error
        if folder is None:
            say(f"stopped, all is saved; go on with: {this_command()}")
            raise typer.Exit(130)
        if ranks.is_first:
            typer.echo(f"the {result} is in {folder}")


def _say_nothing(told: str) -> None:
    """Every process would say the same."""
