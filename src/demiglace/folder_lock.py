"""One process at a time works in a folder: a file in it names the process and its host."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

FILE = ".demiglace.lock"
SECONDS_TO_SETTLE = 0.2  # in which another that takes the folder at the same moment has written its name (ours)


@dataclass(frozen=True)
class Owner:
    """A process. started: what tells it from a later one of the same number, empty where the system does not say."""

    process: int
    started: str
    host: str

    def is_running(self) -> bool:
        """Whether there is still this process; only for one of this host."""
        return _started(self.process) == self.started


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Nobody else is in `folder` until the block ends; the folder is made where there is none.

    Raises ValueError that names process, host and folder where somebody else is in it, or this process twice. What a
    process of this host has left when it was killed is taken over. Of another host nobody can tell whether its process
    is gone: the error says which file to remove then. Raises OSError where the file cannot be written.

    The kernel holds the lock (flock) and gives it back however the process ends. Where a file system has no such
    locks, what the file says has to do.
    """
    is_new, path = not folder.exists(), folder / FILE
    folder.mkdir(parents=True, exist_ok=True)
    handle = _taken(path)
    try:
        yield
    finally:
        if _is_same(handle, path):
            path.unlink()  # while the kernel still holds the lock: later it could be the next one's
        os.close(handle)
        if is_new:
            with suppress(OSError):  # not empty
                folder.rmdir()


def _taken(path: Path) -> int:
    """A handle that holds the lock."""
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            is_held = _flock(handle, path)
            if _is_same(handle, path):
                _take(handle, path, is_held)
                return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)  # its owner has removed it in between


def _flock(handle: int, path: Path) -> bool:
    """Whether the kernel holds the lock for us, which it cannot on every file system."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise _in_use(path, _owner_in_time(handle)) from None
    except OSError:
        return False
    return True


def _is_same(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False


def _take(handle: int, path: Path, is_held: bool) -> None:
    """Write our name where nobody's stands who may be there still."""
    before, own = _owner(handle), Owner(os.getpid(), _started(os.getpid()) or "", socket.gethostname())
    if before and (before.host != own.host or before.is_running()):
        raise _in_use(path, before)
    try:
        os.ftruncate(handle, 0)
        os.pwrite(handle, json.dumps(asdict(own)).encode(), 0)
        os.fsync(handle)
    except OSError as error:
        path.unlink()
        raise OSError(error.errno, error.strerror, str(path)) from error
    if not is_held:
        time.sleep(SECONDS_TO_SETTLE)
        if _owner(handle) != own:
            raise _in_use(path, _owner(handle))


def _in_use(path: Path, owner: Owner | None) -> ValueError:
    if owner is None:
        return ValueError(f"{path.parent} is in use by another process")
    told = f"{path.parent} is in use by process {owner.process} on {owner.host}"
    if owner.host != socket.gethostname():
        return ValueError(f"{told}; if that has ended, remove {path}")
    return ValueError(f"{told}: wait until it ends, or name another folder")


def _owner_in_time(handle: int) -> Owner | None:
    """Who holds the lock; it may be about to write its name."""
    for _ in range(10):
        if owner := _owner(handle):
            return owner
        time.sleep(SECONDS_TO_SETTLE / 10)
    return None


def _owner(handle: int) -> Owner | None:
    """What the file says; None where that is nothing, or not ours."""
    try:
        fields = json.loads(os.pread(handle, 4096, 0))
        return Owner(int(fields["process"]), str(fields["started"]), str(fields["host"]))
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def _started(process: int) -> str | None:
    """Boot and clock tick at which a process began, empty where the system does not say; None where there is none."""
    try:
        os.kill(process, 0)
    except PermissionError:
        pass
    except (ProcessLookupError, OverflowError):
        return None
    try:
        after_name = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""
    state, ticks = after_name[0], after_name[19]
    return None if state in "ZX" else f"{boot} {ticks}"
