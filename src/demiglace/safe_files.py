"""Small untrusted files read within bounds; files and folders written atomically."""

from __future__ import annotations

import ctypes
import json
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_ASIDE = re.compile(r"\.part-(\d+)-")  # prefix of unfinished files, with the id of the writing process
_FORMER = ".former"  # suffix of a folder that is being replaced


def read_object(path: Path, most_bytes: int) -> dict[str, Any]:
    """The JSON object in a file; ValueError if there is none, or the file exceeds `most_bytes`."""
    if not path.is_file():
        raise ValueError(f"no {path.name} in {path.parent}")
    if (size := path.stat().st_size) > most_bytes:
        raise ValueError(f"{path} has {size} bytes, more than {most_bytes}")
    try:
        fields = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not valid JSON: {error}") from error
    if not isinstance(fields, dict):
        raise ValueError(f"{path} must hold a JSON object, got {type(fields).__name__}")
    return fields


def write_whole(path: Path, text: str) -> None:
    """Write `text` to `path` atomically; errors as in `atomic_path`."""
    with atomic_path(path) as aside:
        aside.write_text(text, encoding="utf-8")


def append_text(path: Path, text: str) -> None:
    """Append to a file, and wait until the text is on the disk; errors as in `disk_errors`."""
    with disk_errors(path), path.open("ab") as file:
        file.write(text.encode())
        file.flush()
        os.fsync(file.fileno())


def drop_torn_line(path: Path) -> None:
    """Remove an incomplete last line that a killed process has left; does nothing if there is no file."""
    if path.exists() and not (text := path.read_bytes()).endswith(b"\n"):
        write_whole(path, text[: text.rfind(b"\n") + 1].decode())


@contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """A path in the same folder to write a file or a folder to, which is renamed to `target` when the block ends.

    The contents are flushed to the disk first, and an existing `target` is replaced. If the block raises, what it wrote
    is removed and `target` is unchanged. Raises an OSError that names `target` if it cannot be written: disk full, no
    permission, file too large.
    """
    with atomic_paths(target.parent, [target.name]) as asides:
        yield asides[target.name]


@contextmanager
def atomic_paths(folder: Path, names: Sequence[str]) -> Iterator[dict[str, Path]]:
    """Several such paths by name: none is renamed before all are written. Errors as in `atomic_path`."""
    asides = {name: folder / f".part-{os.getpid()}-{name}" for name in names}
    _remove_leftovers(folder, names)
    try:
        with disk_errors(folder / names[0] if len(names) == 1 else folder):
            yield asides
        for name, aside in asides.items():
            with disk_errors(folder / name):
                _flush_all(aside)
        for name, aside in asides.items():
            with disk_errors(folder / name):
                _put(aside, folder / name)
                flush(folder)
    finally:
        for aside in asides.values():
            remove(aside)


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turns system errors while `path` is written into an OSError that names it.

    Errors of writes to an open file name no path, and safetensors and tokenizers raise their own types of errors.
    """
    try:
        yield
    except Exception as error:
        number = _error_number(error)
        if number is None:
            raise
        named = error.filename if isinstance(error, OSError) and error.filename else path
        raise OSError(number, os.strerror(number), _ASIDE.sub("", str(named))) from error


def flush(path: Path) -> None:
    """Wait until a file, or the entries of a folder, are on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove(path: Path) -> None:
    """Remove a file or a folder, if there is one."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _remove_leftovers(folder: Path, names: Sequence[str]) -> None:
    """Remove leftovers of killed processes for these names; a folder that was being replaced is restored."""
    found = [(path, _ASIDE.match(path.name)) for path in (sorted(folder.iterdir()) if folder.is_dir() else ())]
    for path, aside in found:
        target = folder / path.name[aside.end() :].removesuffix(_FORMER) if aside else None
        if not aside or not target or target.name not in names or _is_another(int(aside[1])):
            continue
        if path.name.endswith(_FORMER) and not target.exists():
            path.rename(target)
        remove(path)


def _is_another(process: int) -> bool:
    """Whether another process with this id is running."""
    if process == os.getpid():
        return False
    try:
        os.kill(process, 0)
    except PermissionError:
        return True
    except (ProcessLookupError, OverflowError):
        return False
    return True


def _error_number(error: Exception) -> int | None:
    if isinstance(error, OSError):
        return error.errno
    found = re.search(r"\(os error (\d+)\)", str(error))  # the form of Rust libraries
    return int(found[1]) if found else None


def _flush_all(path: Path) -> None:
    for inner in path.rglob("*") if path.is_dir() else ():
        flush(inner)
    flush(path)


def _put(aside: Path, target: Path) -> None:
    """Rename; an existing folder is swapped with the new one, and then removed."""
    if not (aside.is_dir() and target.is_dir()):
        os.replace(aside, target)
    elif not _exchange(aside, target):
        former = aside.with_name(aside.name + _FORMER)
        target.rename(former)
        aside.rename(target)
        remove(former)


def _exchange(one: Path, other: Path) -> bool:
    """Swap two names atomically, so that both exist at every moment; False if the system does not support it."""
    try:
        rename = ctypes.CDLL(None).renameat2  # Linux only; Python does not expose it
    except (OSError, AttributeError):
        return False
    here, exchange = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
    return bool(rename(here, os.fsencode(one), here, os.fsencode(other), exchange) == 0)
