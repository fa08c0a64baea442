"""The identity of a run: its settings, and the contents of its input files.

`run.json` has the settings, and under `inputs` a mark (checksum) of every file: of `data` (files of records), of
`media` (files that records name) and of `start` (the model to start from).
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from demiglace.conversation import Conversation
from demiglace.data.source import Source
from demiglace.data.sources.concatenated import Concatenated
from demiglace.data.sources.object_store import StoredRecords
from demiglace.fields import TableOf, Words
from demiglace.records.bad_record import BadRecord
from demiglace.records.media_files import media_of
from demiglace.safe_files import read_object, write_whole

RUN_FILE = "run.json"
MOST_READ = 2**30  # bytes of one kind of files that are hashed; beyond that, size and time must do (ours)
MOST_RECORDS = 100_000  # of a source, evenly spaced, whose media are looked up (ours)
MOST_NAMED = 3  # files
MOST_RECORD_BYTES = 2**28
FILE_MARKS = TableOf(TableOf(Words()))  # in the file

Inputs = Mapping[str, Mapping[str, str]]  # kind -> path -> mark
Shown = Callable[[Any, int, int], Conversation]


def _shown(source: Source, block: int, row: int) -> Conversation:
    return source.read(block, row, (0,))


def inputs_of(sources: Sequence[Source], start: Path | None, shown: Shown = _shown) -> Inputs:
    """Marks of a run's files as they are now. start: folder of the model to start from.

    shown: reads a record (source, block, row) for the files that it names; BadRecord if it cannot be used.
    """
    return {
        "data": data_marks(sources),
        "media": marks(path for source in sources if source.names_files for path in _named_files(source, shown)),
        "start": marks(() if start is None else model_files(start)),
    }


def data_marks(sources: Sequence[Source]) -> dict[str, str]:
    """Marks of the files of records; for those in an object store the store's own marks of their contents."""
    local = marks(path for source in sources for path in source.files)
    return local | {address: mark for source in _stored(sources) for address, mark in source.marks.items()}


def _stored(sources: Sequence[Source]) -> Iterator[StoredRecords]:
    for source in sources:
        if isinstance(source, Concatenated):
            yield from _stored(source.sources)
        elif isinstance(source, StoredRecords):
            yield source


def model_files(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.suffix in (".json", ".safetensors")]


def marks(paths: Iterable[Path]) -> dict[str, str]:
    """Absolute path -> SHA-256 of the file; or its size and time, if all files together are too large to read."""
    found = sorted({os.path.abspath(path) for path in paths})
    sizes = [os.path.getsize(path) for path in found if os.path.isfile(path)]
    is_read = sum(sizes) <= MOST_READ
    return {path: _mark(path, is_read) for path in found}


def write_run_config(
    settings: Mapping[str, Any], inputs: Inputs, folder: Path, log: Callable[[str], None], holds_run: bool = False
) -> None:
    """Write the settings and inputs of a run; ValueError names the first difference from a run recorded in the folder.

    holds_run: whether there is already a run in the folder. If it has no record of its inputs, they cannot be compared:
    it is resumed, and a message says so.
    """
    wanted = json.loads(json.dumps(settings, default=lambda path: str(path.resolve())))  # as read back from the file
    path = folder / RUN_FILE
    held = read_object(path, MOST_RECORD_BYTES) if path.exists() else {}
    if held:
        _compare_settings(path, held, wanted)
    if "inputs" in held:
        _compare_inputs(folder, FILE_MARKS.check(f"{path}: inputs", held["inputs"]), inputs)
        return
    if holds_run:
        log(f"the run in {folder} is of an earlier version that did not note what its files hold: it goes on, and "
            "whether they are still the same cannot be told; --restart begins anew")  # fmt: skip
    write_whole(path, json.dumps({**wanted, "inputs": inputs}, indent=2) + "\n")


def _compare_settings(path: Path, held: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    for key, value in wanted.items():
        if held.get(key) != value:
            raise ValueError(
                f"{path} has {key} {held.get(key)!r:.200}, not {value!r:.200}: this run needs a folder of its own, or "
                "--restart, which sets the earlier one aside"
            )


def _compare_inputs(folder: Path, held: Inputs, inputs: Inputs) -> None:
    for kind, files in inputs.items():
        if changes := _changes(held.get(kind, {}), files):
            more = f" and {len(changes) - MOST_NAMED} more" if len(changes) > MOST_NAMED else ""
            raise ValueError(
                f"the {kind} of the run in {folder} changed since it began: {', '.join(changes[:MOST_NAMED])}{more}; "
                "--restart sets that run aside and begins anew, another folder leaves it as it is"
            )


def _changes(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """The differences in words; changed files first, then missing and new ones."""
    differ = [f"{path} has changed" for path in sorted(before.keys() & now.keys()) if before[path] != now[path]]
    gone = [f"{path} is gone" for path in sorted(before.keys() - now.keys())]
    return [*differ, *gone, *(f"{path} is new" for path in sorted(now.keys() - before.keys()))]


def _mark(path: str, is_read: bool) -> str:
    try:
        if is_read:
            with open(path, "rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        status = os.stat(path)
    except OSError as error:
        return str(error.strerror)
    return f"{status.st_size} bytes of {status.st_mtime_ns}"


def _named_files(source: Source, shown: Shown) -> Iterator[Path]:
    blocks = source.blocks or ()
    step = max(1, -(-sum(blocks) // MOST_RECORDS))
    places = ((block, row) for block, size in enumerate(blocks) for row in range(size))
    for number, (block, row) in enumerate(places):
        if number % step == 0:
            try:
                media = media_of(shown(source, block, row))
            except BadRecord:
                continue
            yield from (Path(medium) for medium in media if isinstance(medium, str | os.PathLike))
