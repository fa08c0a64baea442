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
    """Locks `folder` until the block ends; the folder is created if there is none.

    Raises a ValueError that names process, host and folder if another process, or this one, already holds the lock. The
    lock of a killed process on this host is taken over. Whether a process on another host still runs cannot be known:
    the error then names the file to remove. Raises OSError if the file cannot be written.
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
    # A lock file, not a kernel lock: it tells who holds it, also on network file systems.
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
    message = f"{path.parent} is in use by process {process} on {host}"
    if host != socket.gethostname():
        return ValueError(f"{message}; if that has ended, remove {path}")
    return ValueError(f"{message}: wait until it ends, or name another folder")


def _owner(path: Path) -> tuple[str, str] | None:
    """Process and host, as filelock writes them on the first two lines; None if there is no such file or text."""
    try:
        process, host, *_ = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return None
    return process, host
