"""The command `demiglace`: its subcommands, and the one place that turns a user error into one line."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from demiglace import __version__
from demiglace.cli.ask import ask
from demiglace.cli.chat import chat
from demiglace.cli.compare import compare
from demiglace.cli.corrupt import corrupt
from demiglace.cli.doctor import doctor
from demiglace.cli.evaluate import evaluate
from demiglace.cli.export import export
from demiglace.cli.finetune import finetune
from demiglace.cli.kernel_cache import limit_kernel_cache
from demiglace.cli.merge import merge
from demiglace.cli.openmp_threads import limit_spinning
from demiglace.cli.plan import plan_job
from demiglace.cli.plot import plot
from demiglace.cli.preference import prefer
from demiglace.cli.pretrain import pretrain
from demiglace.cli.read import read
from demiglace.cli.rl import rl
from demiglace.cli.rollouts import rollouts
from demiglace.cli.serve import serve
from demiglace.cli.sft import sft
from demiglace.cli.terminal import note, print_error
from demiglace.cli.tokens import tokens
from demiglace.cli.train import train
from demiglace.cli.training_command import is_out_of_memory

# Whenever peft imports it on a CPU with AVX512-BF16, it asks for a package that would fetch compiled code from the hub.
UNASKED = "bitsandbytes.backends.cpu.ops"
# The default; training commands give more specific advice (`training_command`).
OUT_OF_MEMORY = (
    "out of memory: smaller or fewer files, fewer slices or frames, or --dtype bfloat16 take less; "
    "a run that has saved goes on with the same command"
)


class Commands(TyperGroup):
    """A user error is one line and status 2, a warning one line, Ctrl-C status 130; our bugs keep their traceback."""

    def main(self, *args: Any, **extra: Any) -> NoReturn:
        limit_spinning(os.environ)
        limit_kernel_cache(os.environ)
        logging.getLogger(UNASKED).setLevel(logging.ERROR)
        try:
            with warnings.catch_warnings():
                warnings.showwarning = lambda message, *_: note(f"demiglace: {message}")
                status = super().main(*args, **{**extra, "standalone_mode": False})
        except BrokenPipeError:
            status = 1
        except (typer.TyperException, ValueError, OSError) as error:
            print_error(error)
            status = 2
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            print_error(MemoryError(OUT_OF_MEMORY))
            status = 2
        sys.exit(status or 0)


app = typer.Typer(cls=Commands, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.callback(invoke_without_command=True)
def demiglace(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    """Ask MiniCPM-V 4.5, or a model of its family, about images, documents and videos."""
    if version:
        typer.echo(f"demiglace {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


for command in (
    ask,
    chat,
    read,
    tokens,
    serve,
    corrupt,
    train,
    pretrain,
    sft,
    rl,
    rollouts,
    prefer,
    finetune,
    merge,
    export,
    plot,
    doctor,
):
    app.command()(command)
app.command(name="eval")(evaluate)
app.command()(compare)
app.command(name="plan")(plan_job)
