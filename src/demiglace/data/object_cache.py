"""A cache of limited size on disk for files of object stores (`s3://`, `gs://`, `hf://`, `https://`: all of fsspec).

A file is downloaded whole when it is first read and kept until its space is needed; the least recently read file is
evicted first. All processes of a machine share the folder: a file is downloaded once, and not evicted while being read.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from demiglace.safe_files import write_whole

T = TypeVar("T")

ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)
ATTEMPTS = 5  # of every request (ours), with pauses of 0.5, 1, 2 and 4 s
MOST_SECONDS = 1800  # of one file, all attempts together (ours)
MOST_REASON = 200  # characters of why an attempt failed
MOST_WAIT = 60  # seconds to wait for space while all cached files are being read (ours)
CHUNK = 2**22  # bytes
# Fields that identify a file's version, the most reliable first: of S3, HTTP, GCS, Hugging Face, and of the rest.
_MARKS = ("ETag", "etag", "md5Hash", "blob_id", "Last-Modified", "LastModified", "mtime", "created")
_MISSING, _REFUSED = (HTTPStatus.NOT_FOUND, HTTPStatus.GONE), (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
_EXTRAS = {"s3": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "http": "aiohttp", "https": "aiohttp"}


class StoreError(OSError):
    """A store refused, or did not answer in time: a failure of the run, not of a record."""


@dataclass(frozen=True)
class StoredFile:
    """`mark` identifies this version of the file, should its content change later."""

    address: str
    size: int
    mark: str


def stored_file(address: str) -> StoredFile:
    """The store's information on a file; ValueError if there is none, StoreError if the store does not answer."""
    info = _asked(address, lambda: _file_system(address).info(address))
    if info.get("type") == "directory" or info.get("size") is None:
        raise ValueError(f"{address} is not a file of known size")
    return StoredFile(address, int(info["size"]), _mark(info))


def stored_files(address: str, suffixes: tuple[str, ...]) -> tuple[StoredFile, ...]:
    """The file itself, those of a folder with these suffixes, or those matching a pattern, by name; errors as above."""
    if "*" not in address and not address.endswith("/"):
        return (stored_file(address),)
    system = _file_system(address)
    find = system.glob if "*" in address else system.find
    found = sorted(name for name in _asked(address, lambda: find(address)) if name.endswith(suffixes))
    if not found:
        raise ValueError(f"{address} matches no file that ends with {' or '.join(suffixes)}")
    return tuple(stored_file(system.unstrip_protocol(name)) for name in found)


def path_or_address(given: str) -> Path | str:
    """A command-line argument as a path or an address; an address stays a string, as a `Path` would lose its `//`."""
    return given if ADDRESS.match(given) else Path(given)


@dataclass(frozen=True)
class ObjectCache:
    """folder: of the files, created if missing. most_bytes: of all files in it, including those being downloaded."""

    folder: Path
    most_bytes: int

    @contextmanager
    def held(self, file: StoredFile) -> Iterator[Path]:
        """A context in which the file is on disk.

        Raises ValueError if it is larger than the cache or has changed since `file` was looked up, StoreError if it
        cannot be downloaded or there is no space.
        """
        if file.size > self.most_bytes:
            raise ValueError(f"{file.address} has {file.size} bytes, more than the {self.most_bytes} of the cache")
        path = self.folder / name_of(file)
        self.folder.mkdir(parents=True, exist_ok=True)
        while True:
            with _locked(path, fcntl.LOCK_SH):
                if _is_whole(path, file):
                    os.utime(path, ns=(time.time_ns(),) * 2)  # the file system's own timestamps are too coarse
                    yield path
                    return
            with _locked(path, fcntl.LOCK_EX):
                if not _is_whole(path, file):
                    self._fetch(file, path)

    def counts(self, file: StoredFile, cut: str, count: Callable[[], Sequence[int]]) -> tuple[int, ...]:
        """The counts for a file `cut` in this way; they are stored beside it and kept when the file is evicted."""
        path = self.folder / f"{name_of(file)}-{hashlib.sha256(cut.encode()).hexdigest()[:8]}.counts"
        if path.is_file():
            return tuple(json.loads(path.read_text()))
        found = tuple(count())
        write_whole(path, json.dumps(found))
        return found

    def _fetch(self, file: StoredFile, path: Path) -> None:
        aside = path.with_name(path.name + ".part")
        aside.unlink(missing_ok=True)  # left by a killed process: it would take the space twice
        self._reserve(file, aside)
        try:
            _asked(file.address, lambda: _copy(file, aside))
            aside.replace(path)
        finally:
            aside.unlink(missing_ok=True)

    def _reserve(self, file: StoredFile, aside: Path) -> None:
        """Creates an empty file of full size, evicting others for it; StoreError if there is no space in time."""
        deadline = time.monotonic() + MOST_WAIT
        while True:
            with _locked(self.folder / "room", fcntl.LOCK_EX):
                if self._make_room(file.size):
                    with aside.open("wb") as empty:
                        empty.truncate(file.size)
                    return
            if time.monotonic() > deadline:
                raise StoreError(
                    f"no space for the {file.size} bytes of {file.address}: all files in the cache of "
                    f"{self.most_bytes} bytes are being read; raise cache_gb or use fewer workers"
                )
            time.sleep(0.05)

    def _make_room(self, size: int) -> bool:
        found = sorted(_kept(self.folder))
        excess = sum(held for _, held, _ in found) + size - self.most_bytes
        for _, held, path in found:
            if excess > 0 and _removed(path):
                excess -= held
        return excess <= 0


_NAME = re.compile(r"[0-9a-f]{32}(\.part)?")


def name_of(file: StoredFile) -> str:
    return hashlib.sha256(f"{file.address}\n{file.size}\n{file.mark}".encode()).hexdigest()[:32]


def inside(folder: str, reference: str) -> str:
    """The address of a record's `reference`, relative to `folder`; ValueError if it leads out of the folder."""
    if reference.startswith("/") or ".." in PurePosixPath(reference).parts:
        raise ValueError(f"{reference} leads out of {folder}")
    return f"{folder.rstrip('/')}/{PurePosixPath(reference)}"


def _kept(folder: Path) -> Iterator[tuple[int, int, Path]]:
    """Yields the time of last reading, size in bytes and path of each file."""
    for path in folder.iterdir():
        with suppress(FileNotFoundError):  # a download was renamed at this moment
            if _NAME.fullmatch(path.name):
                status = path.stat()
                yield status.st_mtime_ns, status.st_size, path


def _removed(path: Path) -> bool:
    """Removes a file unless it is being read or downloaded; whether it did."""
    owner = path.with_name(path.name.removesuffix(".part"))
    with suppress(BlockingIOError), _locked(owner, fcntl.LOCK_EX | fcntl.LOCK_NB):
        path.unlink(missing_ok=True)
        return True
    return False


@contextmanager
def _locked(path: Path, kind: int) -> Iterator[None]:
    """`flock` on a file beside it, which the system releases when a process is killed."""
    handle = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(handle, kind)
        yield
    finally:
        os.close(handle)


def _is_whole(path: Path, file: StoredFile) -> bool:
    return path.is_file() and path.stat().st_size == file.size


def _copy(file: StoredFile, aside: Path) -> None:
    """One attempt to download the whole file, after checking that it has not changed. `aside` keeps its full size."""
    if (now := stored_file(file.address)).mark != file.mark or now.size != file.size:
        raise ValueError(f"{file.address} has changed since the run began: {now.mark} is not {file.mark}")
    deadline, num_bytes = time.monotonic() + MOST_SECONDS, 0
    streamed = {"block_size": 0} if file.address.startswith("http") else {}  # not every server supports range requests
    with _file_system(file.address).open(file.address, "rb", **streamed) as source, aside.open("r+b") as target:
        while chunk := source.read(CHUNK):
            num_bytes += target.write(chunk)
            if num_bytes > file.size:
                raise ValueError(f"{file.address} is longer than the {file.size} bytes that the store announced")
            if time.monotonic() > deadline:
                raise TimeoutError(f"{num_bytes} of {file.size} bytes arrived in {MOST_SECONDS} s")
    if num_bytes != file.size:
        raise OSError(f"{num_bytes} of {file.size} bytes arrived")


def _asked(address: str, request: Callable[[], T]) -> T:
    """The result of a request, retried with a warning if the store fails; ValueError and StoreError are worded for the
    user."""
    started = time.monotonic()
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return request()
        except (ValueError, StoreError):
            raise
        except Exception as raised:  # stores have many error types of their own
            error = _failure(address, raised)
            if isinstance(error, FileNotFoundError):
                raise ValueError(f"{address} does not exist") from None
            if "Credentials" in type(error).__name__:
                raise StoreError(f"{address}: no credentials ({error})") from error
            if isinstance(error, PermissionError):
                raise StoreError(f"{address}: the store refuses ({error})") from error
            if attempt == ATTEMPTS or time.monotonic() - started > MOST_SECONDS:
                raise StoreError(f"{address} after {attempt} attempts: {type(error).__name__}: {error}") from error
            _tell_retry(address, attempt, time.monotonic() - started, error)
            time.sleep(2.0 ** (attempt - 2))
    raise AssertionError


def _tell_retry(address: str, attempt: int, seconds: float, error: Exception) -> None:
    """A server that does not answer takes minutes for each attempt."""
    reason = " ".join(f"{type(error).__name__}: {error}".split())[:MOST_REASON]
    warnings.warn(f"{address}: attempt {attempt} of {ATTEMPTS} failed after {seconds:.0f} s: {reason}", stacklevel=3)


def _failure(address: str, error: Exception) -> Exception:
    """What made a request fail: for fsspec's web servers a file is missing whatever happens to the request."""
    cause = error.__cause__
    if not isinstance(error, FileNotFoundError) or not address.lower().startswith("http"):
        return error
    status = getattr(cause, "status", None)
    if not isinstance(cause, Exception) or isinstance(cause, FileNotFoundError) or status in _MISSING:
        return error
    return PermissionError(f"status {status}") if status in _REFUSED else cause


def _file_system(address: str) -> Any:
    protocol = address.partition("://")[0].lower()
    try:
        import fsspec

        return fsspec.filesystem(protocol, skip_instance_cache=False, use_listings_cache=False)
    except ImportError as error:
        needed = _EXTRAS.get(protocol, "fsspec")
        raise ValueError(f"{address} needs {needed}: pip install 'demiglace[stores]'") from error
    except ValueError as error:
        raise ValueError(f"{address}: {error}") from error


def _mark(info: Mapping[str, Any]) -> str:
    return next((str(info[key]).strip('"') for key in _MARKS if info.get(key)), "")
