"""The command `demiglace`: its subcommands, and the one place that turns a user's error into a line."""

from __future__ import annotations

import sys
from typing import Annotated, NoReturn

import typer
from typer.core import TyperGroup

from demiglace import __version__
from demiglace.cli.ask import ask
from demiglace.cli.chat import chat
from demiglace.cli.doctor import doctor
from demiglace.cli.terminal import complain
from demiglace.cli.tokens import tokens
from demiglace.cli.train import train


class Commands(TyperGroup):
    """A user's error ends with one line and status 2, Ctrl-C with silence and 130; our own keep their traceback."""

    def main(self, *args: object, **extra: object) -> NoReturn:
        try:
            status = super().main(*args, **{**extra, "standalone_mode": False})
        except BrokenPipeError:
            status = 1
        except (typer.TyperException, ValueError, OSError) as error:
            complain(error)
            status = 2
        sys.exit(status or 0)


app = typer.Typer(cls=Commands, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.callback(invoke_without_command=True)
def demiglace(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and leave.")] = False,
) -> None:
    """Ask MiniCPM-V 4.5, or a model of its family, about images, documents and videos."""
    if version:
        typer.echo(f"demiglace {__version__}")
    elif context.invoked_subcommand is None:
        typer.echo(context.get_help())


for command in (ask, chat, tokens, train, doctor):
    app.command()(command)
