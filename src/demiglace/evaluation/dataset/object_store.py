"""A benchmark's data from an object store: complete and under their own names on the disk while it runs."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from demiglace.data.object_cache import ObjectCache, StoredFile, stored_files


@contextmanager
def on_disk(address: str, folder: Path, cache: ObjectCache) -> Iterator[Path]:
    """The file at `address`, or `folder` with all its files if it ends with `/`; `folder` is removed afterwards.

    Leftovers of a killed run in `folder` are removed. ValueError if nothing is there, or if all files together exceed
    the cache's limit; StoreError if they cannot be downloaded.
    """
    files = stored_files(address, ("",))
    if (size := sum(file.size for file in files)) > cache.most_bytes:
        raise ValueError(f"{address} has {size} bytes in all, more than the {cache.most_bytes} of the cache")
    shutil.rmtree(folder, ignore_errors=True)
    try:
        for file in files:
            _place(file, folder / _name(file, address), cache)
        yield folder if address.endswith("/") else folder / _name(files[0], address)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _name(file: StoredFile, address: str) -> str:
    """The path below the folder of `address`; stores differ in leading slashes."""
    parent = address.rpartition("/")[0].partition("://")[2].strip("/")
    inner = file.address.partition("://")[2].strip("/").removeprefix(f"{parent}/")
    if ".." in inner.split("/"):
        raise ValueError(f"{file.address} leads out of {address}")
    return inner


def _place(file: StoredFile, path: Path, cache: ObjectCache) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with cache.held(file) as held:
        try:
            os.link(held, path)  # survives removal from the cache
        except OSError:  # on another file system
            shutil.copyfile(held, path)
