"""A lock on a folder for one process: a file in it names the process and its host."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import SoftFileLock, Timeout

FILE = ".demiglace.lock"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Nobody else is in `folder` until the block ends; the folder is made where there is none.

    Raises ValueError that names process, host and folder where somebody else is in it, or this process twice. What a
    process of this host has left when it was killed is taken over. Of another host nobody can tell whether its process
    is gone: the error says which file to remove then. Raises OSError where the file cannot be written.
    """
    is_new, path = not folder.exists(), folder / FILE
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with _held(path):
            yield
    finally:
        if is_new:
            with suppress(OSError):  # not empty
                folder.rmdir()


@contextmanager
def _held(path: Path) -> Iterator[None]:
    # A file and no lock of the kernel's: it tells who holds it, on network file systems too.
    lock = SoftFileLock(path, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise _in_use(path) from None
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
    try:
        yield
    finally:
        lock.release()


def _in_use(path: Path) -> ValueError:
    process, host = _owner(path) or ("?", "?")
    told = f"{path.parent} is in use by process {process} on {host}"
    if host != socket.gethostname():
        return ValueError(f"{told}; if that has ended, remove {path}")
    return ValueError(f"{told}: wait until it ends, or name another folder")


def _owner(path: Path) -> tuple[str, str] | None:
    """Process and host, as filelock writes them on the first two lines; None where there is no such file or text."""
    try:
        process, host, *_ = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return None
    return process, host
