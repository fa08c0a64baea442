"""A file of JSON records, one per line or all in one array; the files that they name are beside it."""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import numpy as np

from demiglace.conversation import Conversation, VideoSampling
from demiglace.data.source import FileSource
from demiglace.media.pictures import local_file
from demiglace.records.bad_record import BadRecord
from demiglace.records.formats import MAX_RECORD_BYTES, parse_json, read_record
from demiglace.records.media import Find
from demiglace.records.media_files import MediaFolders
from demiglace.records.preferences import Preference, read_preference

BLOCK = 1024  # records; close enough together for the disk, and enough for shuffling
CHUNK = 2**24  # bytes scanned at a time

_ARRAY = re.compile(rb"(?:\xef\xbb\xbf)?\s*\[")  # after a byte order mark, if any
_SPREAD = re.compile(rb"(?:\xef\xbb\xbf)?\s*\{\s*\n")  # an object over several lines
# The next bracket outside of strings, or the end; a string that is never closed runs to the end.
_BRACKET = re.compile(rb'(?:[^][{}"]++|"(?:[^"\\]++|\\.)*+"?)*+([][{}]?)', re.DOTALL)


@dataclass(frozen=True)
class JsonFile(FileSource):
    """JSON Lines, or a JSON array of objects, detected from the first character.

    Records name their files relative to the folder of `path`, and none outside of it. If the files are elsewhere,
    `media` or `media_root` is their folder (see `MediaFolders`), or `find` resolves their names. `sampling` is as in
    `read_record`.
    """

    shuffled_blocks: ClassVar[None] = None
    names_files: ClassVar[bool] = True

    name: str
    path: Path
    media: Path | None = None
    media_root: Path | None = None
    sampling: VideoSampling | None = None
    find: Find | None = None

    @cached_property
    def blocks(self) -> tuple[int, ...]:
        """Raises ValueError if the file is missing, has no record, or begins with an object over several lines."""
        num_records = len(self._index.starts)
        if not num_records:
            raise ValueError(f"{self.path} has no records")
        return tuple(min(BLOCK, num_records - start) for start in range(0, num_records, BLOCK))

    @property
    def files(self) -> tuple[Path, ...]:
        return (self.path,)

    def read(self, block: int, row: int, seed: tuple[int, ...]) -> Conversation:
        return read_record(self.record(block, row), self.where(block, row), self._finder, sampling=self.sampling)

    def record(self, block: int, row: int) -> object:
        """The parsed JSON of a record; raises BadRecord if it is invalid."""
        number, where = block * BLOCK + row, self.where(block, row)
        start, end = int(self._index.starts[number]), int(self._index.ends[number])
        if end - start > MAX_RECORD_BYTES:
            raise BadRecord(where, f"a record of {end - start} bytes, more than the {MAX_RECORD_BYTES} taken")
        try:
            with self.path.open("rb") as file:
                file.seek(start)
                return parse_json(file.read(end - start))
        except (OSError, ValueError) as error:
            raise BadRecord(where, str(error)) from error

    def preference(self, block: int, row: int) -> Preference:
        """A record as a preference pair; raises BadRecord if it is none."""
        return read_preference(self.record(block, row), self.where(block, row), self._finder, self.sampling)

    @property
    def _finder(self) -> Find:
        """The function that resolves the files that records name."""
        return self.find or MediaFolders(self.path.parent, self.media, self.media_root).find

    def where(self, block: int, row: int) -> str:
        """ "file.jsonl:17" with the number of the line; in an array "file.json[16]", counted from 0 as in `jq`."""
        number = block * BLOCK + row
        if self._index.lines is None:
            return f"{self.path}[{number}]"
        return f"{self.path}:{self._index.lines[number]}"

    @cached_property
    def _index(self) -> _Index:
        path = local_file(self.path, max_bytes=None)
        try:
            with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                if _SPREAD.match(content):
                    raise ValueError(
                        f"{path} holds an object over several lines: records stand one on a line or in an array"
                    )
                return _index_array(content) if _ARRAY.match(content) else _index_lines(content)
        except OSError as error:
            raise ValueError(f"{path} cannot be read: {error.strerror}") from error


@dataclass(frozen=True)
class _Index:
    """Positions of records: int64 (records,), bytes from the start of the file; lines count from 1."""

    starts: np.ndarray
    ends: np.ndarray
    lines: np.ndarray | None = None


def _index_lines(content: mmap.mmap) -> _Index:
    """Every line except empty ones."""
    breaks = [
        start + np.flatnonzero(np.frombuffer(content[start : start + CHUNK], np.uint8) == ord("\n"))
        for start in range(0, len(content), CHUNK)
    ]
    ends = np.concatenate([*breaks, [len(content)]])
    starts = np.concatenate([[0], ends[:-1] + 1])
    held = np.flatnonzero(ends - starts > 1)  # a single character is the rest of a line break, or no object
    return _Index(starts[held], ends[held], held + 1)


def _index_array(content: mmap.mmap) -> _Index:
    """Every object of the array. Invalid ones are only found when they are read, if their brackets are balanced."""
    spans = np.array(list(_objects(content)), dtype=np.int64).reshape(-1, 2)
    return _Index(*spans.T)


def _objects(content: mmap.mmap) -> Iterator[tuple[int, int]]:
    depth = start = 0
    for match in _BRACKET.finditer(content):
        if match[1] in (b"[", b"{"):
            depth += 1
            start = match.start(1) if depth == 2 else start
        elif match[1]:
            depth -= 1
            if depth == 1:
                yield start, match.end()
    if depth > 1:
        yield start, len(content)
