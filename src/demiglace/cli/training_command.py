"""Runs a training command in all processes, and prints the message at its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from demiglace.cli.terminal import note, print_error, this_command

if TYPE_CHECKING:
    from demiglace.jobs.machine import Machine
    from demiglace.recipes.finetuning import FinetuningRecipe
    from demiglace.recipes.pretraining import PretrainingNumbers
    from demiglace.recipes.sft import SftNumbers

# torch's out-of-memory messages on all devices; they have no common exception type.
NO_MEMORY = ("out of memory", "DefaultCPUAllocator", "ALLOC_FAILED", "bad_alloc")


@dataclass(frozen=True)
class MemoryAdvice:
    """Options of a command that reduce memory, the first to try first.

    same: with these the run resumes where it stopped; other: these make it another run, in a folder of its own.
    folder: of the run; None if only the run itself knows how far it got.
    """

    same: tuple[str, ...]
    other: tuple[str, ...]
    folder: Path | None = None

    def advice(self) -> str:
        """Advice after memory has run out."""
        from demiglace.jobs.run_folder import latest_progress

        reached = "its last checkpoint" if self.folder is None else latest_progress(self.folder)
        way = f"with {' or '.join(self.same)}" if self.same else "where there is more of it"
        other = f"; {' or '.join(self.other)} takes less too, in a folder of its own" if self.other else ""
        return f"out of memory: {way} the same command goes on from {reached}{other}"


def memory_saving_options(option: str, value: int, is_checkpointed: bool) -> tuple[str, ...]:
    """Options that reduce memory and change no result: `option` below `value`, and activation checkpointing."""
    fewer = (f"{option} below {value}",) if value > 1 else ()
    return fewer if is_checkpointed else (*fewer, "--activation-checkpointing")


def advice_on_rows(
    numbers: PretrainingNumbers | SftNumbers | FinetuningRecipe, folder: Path, other: tuple[str, ...] = ()
) -> MemoryAdvice:
    """Advice for a command that trains on packed rows. other: options that make another run, besides shorter rows."""
    same = memory_saving_options("--micro-batch-rows", numbers.micro_batch_rows, numbers.activation_checkpointing)
    return MemoryAdvice(same, (f"--length below {numbers.length}", *other), folder)


def run_together(job: Callable[[Machine], Path | None], machine: Machine, result: str, advice: MemoryAdvice) -> None:
    """Run `job`, which returns the folder of its `result`, or None if a signal stopped it."""
    from demiglace.training.distributed import distributed

    with distributed(machine.device) as ranks:
        log = note if ranks.is_first else _log_nothing
        with _errors_with_advice(advice):
            folder = job(replace(machine, ranks=ranks, log=log))
        if folder is None:
            log(f"stopped, all is saved; go on with: {this_command()}")
            raise typer.Exit(130)
        if ranks.is_first:
            typer.echo(f"the {result} is in {folder}")


def is_out_of_memory(error: Exception) -> bool:
    return isinstance(error, MemoryError) or any(words in str(error) for words in NO_MEMORY)


@contextmanager
def _errors_with_advice(advice: MemoryAdvice) -> Iterator[None]:
    """Turns the error that ends a run into a line that says how to resume."""
    from demiglace.data.sample_builder import TooLongRecord
    from demiglace.records.bad_record import BadRecord
    from demiglace.training.objective import CannotBegin

    try:
        yield
    except TooLongRecord as error:
        raise ValueError(f"{error}; without --refuse-long such samples are counted and left out") from error
    except (BadRecord, CannotBegin) as error:
        if isinstance(error, BadRecord) or isinstance(error.__cause__, BadRecord):
            raise ValueError(f"{error}; with --skip-bad such records are listed and the run goes on") from error
        raise
    except FloatingPointError as error:
        print_error(error)
        raise typer.Exit(1) from error
    except (RuntimeError, MemoryError) as error:
        if isinstance(error.__cause__, BrokenProcessPool):  # of the workers
            raise ValueError(str(error)) from error
        if is_out_of_memory(error):
            raise ValueError(advice.advice()) from error
        raise


def _log_nothing(message: str) -> None:
    """The log of all processes but the first, which would print the same."""
