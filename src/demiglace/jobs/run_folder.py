"""The folder of a run: locked while it runs, an earlier run moved aside on request, and lists of skipped records."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from itertools import count
from pathlib import Path
from typing import Any

from demiglace.data.sample_builder import TooLongRecord
from demiglace.folder_lock import locked
from demiglace.jobs.run_record import RUN_FILE, Inputs, marks, write_run_config
from demiglace.safe_files import disk_errors, write_whole
from demiglace.training import checkpoint
from demiglace.training.distributed import ProcessGroup

SKIPPED_FILE = "skipped.txt"


@contextmanager
def open_folder(
    folder: Path,
    settings: Mapping[str, Any],
    inputs: Callable[[], Inputs],
    made: Sequence[str],
    ranks: ProcessGroup,
    log: Callable[[str], None],
    restart: bool = False,
) -> Iterator[None]:
    """Locks `folder` until the block ends, and checks that it holds no run with other settings or inputs.

    made: names of a run's results in the folder besides its record; with `restart` those of an earlier run are moved.
    Raises ValueError in all processes if another process uses the folder, it holds another run, or it is not the same
    folder for all of them.
    """

    def claim() -> None:
        if restart:
            set_aside(folder, made, log)
        write_run_config(settings, inputs(), folder, log, any((folder / name).exists() for name in made))

    with locked_by_first(folder, ranks):
        ranks.first(claim)
        _check_shared(folder, ranks)
        yield


def _check_shared(folder: Path, ranks: ProcessGroup) -> None:
    """ValueError if the folder is not shared by all machines: checkpoints would lack the parts of the others."""
    (own,) = marks([folder / RUN_FILE]).values()
    seen = ranks.merge({ranks.rank: own})
    if len(set(seen.values())) > 1:
        blind = next(rank for rank, mark in sorted(seen.items()) if mark != seen[0])
        raise ValueError(
            f"{folder} must be on a file system that all machines see: process {blind} does not find there the "
            f"{RUN_FILE} that process 0 has written"
        )


@contextmanager
def locked_by_first(folder: Path, ranks: ProcessGroup) -> Iterator[None]:
    """One lock for all processes of a run, held by the first; if it fails, all raise."""
    lock = locked(folder) if ranks.is_first else nullcontext()
    ranks.first(lock.__enter__)
    try:
        yield
    finally:
        lock.__exit__(None, None, None)


def set_aside(folder: Path, made: Sequence[str], log: Callable[[str], None]) -> None:
    """Move an earlier run's results into a folder `earlier-1`, -2, ...; its record last, in case of a kill."""
    there = [path for name in (*made, RUN_FILE) if (path := folder / name).exists()]
    if not there:
        return
    aside = next(path for number in count(1) if not (path := folder / f"earlier-{number}").exists())
    aside.mkdir()
    for path in there:
        path.rename(aside / path.name)
    log(f"the earlier run is now in {aside}")


def latest_progress(folder: Path) -> str:
    """Where a run in `folder` resumes: "step 40 of vision", by its newest checkpoint, or "the beginning"."""
    found = [newest for stage in folder.glob("*/") if (newest := checkpoint.latest(stage)) is not None]
    if not found:
        return "the beginning"
    newest = max(found, key=lambda path: path.stat().st_mtime_ns)
    return f"step {checkpoint.num_steps(newest)} of {newest.parent.name}"


def log_skipped(path: Path, refuse_long: bool, skipped: Sequence[ValueError]) -> None:
    """Append skipped records to the file `path`, a line each; with `refuse_long` raises the first that is too long."""
    for record in skipped if refuse_long else ():
        if isinstance(record, TooLongRecord):
            raise record
    with disk_errors(path), path.open("a", encoding="utf-8", errors="backslashreplace") as file:
        file.writelines(f"{' '.join(str(error).split())}\n" for error in skipped)


def cut_back(stage_folder: Path) -> None:
    """Drop records listed after the last checkpoint, because they will come again: files read as if from one run."""
    path, newest = stage_folder / SKIPPED_FILE, checkpoint.latest(stage_folder)
    if not path.exists():
        return
    streams = {} if newest is None else checkpoint.progress_of(newest).objective
    number = sum(stream["counts"]["bad"] + stream["counts"]["too_long"] for stream in streams.values())
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    write_whole(path, "".join(lines[:number]))
