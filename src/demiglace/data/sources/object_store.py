"""Records in files of an object store, read through a cache of limited size on disk.

Every downloaded file is a source of its own; this source chooses the file, and releases it after a record was read. To
count the records, every file is downloaded once before the first step; the counts stay in the cache.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from demiglace.conversation import Conversation, VideoSampling
from demiglace.data.object_cache import ADDRESS, ObjectCache, StoredFile, inside, name_of, stored_file, stored_files
from demiglace.data.source import SHUFFLED_BLOCKS, FileSource, Source
from demiglace.data.sources.jsonl import JsonFile
from demiglace.data.sources.parquet import ParquetFiles
from demiglace.data.sources.plain_text import PlainText
from demiglace.data.sources.tar_shards import TarShards
from demiglace.media.pictures import MAX_BYTES
from demiglace.records import media_settings
from demiglace.records.bad_record import BadRecord
from demiglace.records.preferences import Preference

ADDRESS_OPTION = "address"  # of a source whose path is an address
DEFAULT_CACHE = ObjectCache(Path(tempfile.gettempdir()) / "demiglace-objects", 50 * 10**9)  # ours; on each machine
CACHED_FILES = 2 * SHUFFLED_BLOCKS  # files whose record positions are cached by a process
CACHED_MEDIA = 100_000  # media whose information from the store is cached by a process
Find = Callable[[str], bytes]
T = TypeVar("T")


@dataclass(frozen=True)
class StoredRecords(FileSource):
    """make: (name, a local file, the function that resolves media in its records) -> the source of its records.

    cut: a string of the kind and all options that determine how many records a file has.
    media: address of the folder that media are relative to; None for the folder of each file.
    """

    name: str
    stored: tuple[StoredFile, ...]
    cache: ObjectCache
    make: Callable[[str, Path, Find], Source]
    cut: str
    media: str | None = None

    @cached_property
    def sizes(self) -> tuple[tuple[int, ...], ...]:
        """For each file the numbers of records in its blocks; errors as in `ObjectCache.held` and the sources."""
        return tuple(self.cache.counts(file, self.cut, partial(self._counted, file)) for file in self.stored)

    @cached_property
    def blocks(self) -> tuple[int, ...]:
        return tuple(size for own in self.sizes for size in own)

    @property
    def files(self) -> tuple[Path, ...]:
        """None that stay: local copies come and go."""
        return ()

    @property
    def marks(self) -> dict[str, str]:
        """Address -> mark of its content."""
        return {file.address: f"{file.size} {file.mark}" for file in self.stored}

    def read(self, block: int, row: int, seed: tuple[int, ...]) -> Conversation:
        return self._asked(block, lambda source, own: source.read(own, row, seed))

    def preference(self, block: int, row: int) -> Preference:
        """As in `JsonFile`, for JSON files only."""

        def read(source: Source, own: int) -> Preference:
            assert isinstance(source, JsonFile)
            return source.preference(own, row)

        return self._asked(block, read)

    def where(self, block: int, row: int) -> str:
        file, own = self._place(block)
        with self._opened(file) as source:
            return self._named(file, source.where(own, row))

    def find(self, beside: str, reference: str) -> bytes:
        """A file named by a record in the folder `beside`; ValueError if it is missing or too large, StoreError if it
        cannot be downloaded."""
        file = self._looked_up(inside(self.media or beside, reference))
        if file.size > MAX_BYTES:
            raise ValueError(f"{file.address} has {file.size} bytes, more than the {MAX_BYTES} taken")
        with self.cache.held(file) as path:
            return path.read_bytes()

    def _asked(self, block: int, read: Callable[[Source, int], T]) -> T:
        """The result of `read` for the file's source and the block's number in it; errors name the file's address."""
        file, own = self._place(block)
        with self._opened(file) as source:
            try:
                return read(source, own)
            except BadRecord as error:
                raise BadRecord(self._named(file, error.where), self._named(file, error.why)) from error

    def _counted(self, file: StoredFile) -> tuple[int, ...]:
        with self._opened(file) as source:
            try:
                return tuple(source.blocks or ())
            except ValueError as error:
                raise ValueError(self._named(file, str(error))) from error

    @contextmanager
    def _opened(self, file: StoredFile) -> Iterator[Source]:
        with self.cache.held(file) as path:
            yield self._sources(path, file.address.rpartition("/")[0])

    @cached_property
    def _sources(self) -> Callable[[Path, str], Source]:
        return lru_cache(CACHED_FILES)(lambda path, beside: self.make(self.name, path, partial(self.find, beside)))

    @cached_property
    def _looked_up(self) -> Callable[[str], StoredFile]:
        return lru_cache(CACHED_MEDIA)(stored_file)

    def _place(self, block: int) -> tuple[StoredFile, int]:
        """The file of a block, and the block's number in it."""
        ends = np.cumsum([len(own) for own in self.sizes])
        number = int(np.searchsorted(ends, block, side="right"))
        return self.stored[number], block - (int(ends[number - 1]) if number else 0)

    def _named(self, file: StoredFile, text: str) -> str:
        return text.replace(str(self.cache.folder / name_of(file)), file.address)


def check_stored(where: str, kind: str, options: Mapping[str, Any]) -> None:
    """ValueError if this kind of source or one of its options is not supported with an object store."""
    if kind not in _MAKES:
        raise ValueError(f"{where}: {kind} reads local files; an address may be of {', '.join(_MAKES)}")
    if "media_root" in options:
        raise ValueError(f"{where}: media_root is of local files; media may be the address of a folder")
    if "media" in options and not ADDRESS.match(options["media"]):
        raise ValueError(f"{where}: media must be an address as the path is, got {options['media']!r}")


def open_stored(
    name: str,
    kind: str,
    options: Mapping[str, Any],
    cache: ObjectCache,
    choose: Callable[[Sequence[StoredFile]], Sequence[StoredFile]],
) -> StoredRecords:
    """Those of the files at `options["address"]` that `choose` returns.

    ValueError if there are none, StoreError if the store does not answer.
    """
    own = {
        key: value for key, value in options.items() if key not in (ADDRESS_OPTION, "media", *media_settings.OPTIONS)
    }
    settings = {key: value for key, value in options.items() if key in media_settings.OPTIONS}
    cut = json.dumps([kind, own], sort_keys=True)
    suffixes, make = _MAKES[kind]
    if kind != "text":
        own["sampling"] = media_settings.video_sampling(settings)
    stored = choose(stored_files(options[ADDRESS_OPTION], suffixes))
    return StoredRecords(name, tuple(stored), cache, partial(make, own), cut, options.get("media"))


def stored_records(
    name: str,
    kind: str,
    files: Sequence[StoredFile],
    cache: ObjectCache,
    sampling: VideoSampling | None = None,
    media: str | None = None,
) -> StoredRecords:
    """The source for files that were looked up, of kind `jsonl`, `parquet` or `webdataset`."""
    _, make = _MAKES[kind]
    cut = json.dumps([kind, {}])
    return StoredRecords(name, tuple(files), cache, partial(make, {"sampling": sampling}), cut, media)


def _json(options: Mapping[str, Any], name: str, path: Path, find: Find) -> Source:
    return JsonFile(name, path, find=find, **options)


def _parquet(options: Mapping[str, Any], name: str, path: Path, find: Find) -> Source:
    return ParquetFiles(name, (path,), find=find, **options)


def _shard(options: Mapping[str, Any], name: str, path: Path, find: Find) -> Source:
    return TarShards(name, (path,), **options)


def _text(options: Mapping[str, Any], name: str, path: Path, find: Find) -> Source:
    return PlainText(name, (path,), **options)


_MAKES: Mapping[str, tuple[tuple[str, ...], Callable[[Mapping[str, Any], str, Path, Find], Source]]] = {
    "jsonl": ((".jsonl", ".json"), _json),
    "parquet": ((".parquet",), _parquet),
    "webdataset": ((".tar",), _shard),
    "text": ((".txt", ".md"), _text),
}
