"""Plain text files as answers to an empty user turn.

The loss is only on assistant messages, so the text is the assistant's answer, after the template's prefix for short
mode. Files are cut at natural breaks, because the end of the answer is also trained.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import BinaryIO

import numpy as np

from demiglace.conversation import Conversation, Message, Text
from demiglace.data.source import SHUFFLED_BLOCKS, FileSource, count_records
from demiglace.fields import Field, Whole, check_attributes
from demiglace.media.pictures import local_file
from demiglace.processing.chat_template import END_THINK
from demiglace.records.bad_record import BadRecord

CACHED_FILES = 2 * SHUFFLED_BLOCKS  # lists of cuts cached by a process

_BREAKS = (b"\n\n", b"\n\r\n", b"\n", b". ", b" ")  # in order of preference

OPTIONS: Mapping[str, Field] = {"window": Whole(64, 2**24)}


@dataclass(frozen=True)
class PlainText(FileSource):
    """UTF-8 files, a block each; a record is a stretch of at most `window` bytes, and no text is left out. Lines may
    end as on Windows; the text that is learned has plain line breaks.

    A stretch ends with a paragraph if one ends in its second half, else with a line, a sentence, a word, or at worst a
    character.
    """

    name: str
    paths: tuple[Path, ...]
    window: int = 4096  # ours; about a thousand tokens of English

    def __post_init__(self) -> None:
        """Raises ValueError on values outside `OPTIONS`."""
        check_attributes(self, OPTIONS)

    @cached_property
    def blocks(self) -> tuple[int, ...]:
        return tuple(count_records(path, lambda path: len(_cut(path, self.window)) - 1) for path in self.paths)

    def read(self, block: int, row: int, seed: tuple[int, ...]) -> Conversation:
        path = self.paths[block]
        try:
            start, end = self._cuts(path)[row : row + 2].tolist()
            with path.open("rb") as file:
                file.seek(start)
                text = file.read(end - start).decode("utf-8-sig").replace("\r\n", "\n").strip("\n")
            if not text.strip():
                raise ValueError("nothing but white space")
            if END_THINK in text:
                raise ValueError(f"{END_THINK} would end the reasoning")
        except (OSError, ValueError) as error:
            raise BadRecord(self.where(block, row), str(error)) from error
        return Conversation((Message("user", (Text(""),)), Message("assistant", (Text(text),))))

    def where(self, block: int, row: int) -> str:
        return f"{self.paths[block]}, stretch {row}"

    @cached_property
    def _cuts(self) -> Callable[[Path], np.ndarray]:
        return lru_cache(CACHED_FILES)(lambda path: _cut(path, self.window))


def _cut(path: Path, window: int) -> np.ndarray:
    """int64 (stretches + 1,): byte offsets at which stretches begin, and the file's end."""
    with local_file(path, max_bytes=None).open("rb") as file:
        return np.fromiter(_ends(file, window), dtype=np.int64)


def _ends(file: BinaryIO, window: int) -> Iterator[int]:
    position = 0
    ahead = file.read(window + 1)
    while ahead:
        yield position
        length = len(ahead) if len(ahead) <= window else _length(ahead[:window], ahead[window])
        position += length
        ahead = ahead[length:] + file.read(length)
    yield position


def _length(stretch: bytes, following: int) -> int:
    """The number of bytes of `stretch` to take; `following` is the byte after it."""
    for mark in _BREAKS:
        if (found := stretch.rfind(mark, len(stretch) // 2)) >= 0:
            return found + len(mark)
    length = len(stretch)
    while length > len(stretch) - 4 and following & 0xC0 == 0x80:  # the middle of a character
        length -= 1
        following = stretch[length]
    return length
