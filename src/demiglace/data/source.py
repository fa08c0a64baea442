"""A source of training conversations: the interface that the loader reads, and what kinds of sources share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol

from demiglace.conversation import Conversation


class Source(Protocol):
    """Records by number, in blocks that are cheap to read from in any order: a file, a row group, a shard, a PDF.

    Sources must be cheap to create and to pickle, because they are sent to worker processes: each process caches
    separately what it learns about the files, and files are open only while they are read.
    """

    @property
    def name(self) -> str:
        """Its name in metrics and messages."""

    @property
    def blocks(self) -> Sequence[int] | None:
        """The number of records in each block; None for an endless source, whose records are rows of block 0.

        If a source has many files, one that cannot be opened counts as a block of one bad record, so that it is
        reported like any other. Raises ValueError if a file does not exist.
        """

    @property
    def shuffled_blocks(self) -> int | None:
        """The number of blocks whose records are shuffled together; None for all, if any record is cheap to read."""

    @property
    def files(self) -> Sequence[Path]:
        """The files that records are read from."""

    @property
    def names_files(self) -> bool:
        """Whether records name further files: pictures, documents and videos beside them."""

    def read(self, block: int, row: int, seed: tuple[int, ...]) -> Conversation:
        """A record, ending with the assistant: a pure function of the files and the arguments.

        `seed` (non-negative numbers) seeds all random choices. Raises BadRecord if the record cannot be used.
        """

    def where(self, block: int, row: int) -> str:
        """The place of a record, as reported in its BadRecord."""


SHUFFLED_BLOCKS = 4  # if a block must be fetched, decoded or indexed (ours); readers cache twice as many


class EndlessSource:
    """The part of a `Source` that all generated sources share: they are endless and have no files."""

    blocks: ClassVar[None] = None
    shuffled_blocks: ClassVar[None] = None
    names_files: ClassVar[bool] = False

    @property
    def files(self) -> tuple[Path, ...]:
        return ()


class FileSource:
    """The part of a `Source` that sources share whose records are in files.

    By default their blocks are costly to open, and their records name no files.
    """

    paths: tuple[Path, ...]
    shuffled_blocks: ClassVar[int | None] = SHUFFLED_BLOCKS

    @property
    def files(self) -> tuple[Path, ...]:
        return self.paths

    @property
    def names_files(self) -> bool:
        return False

    def __getstate__(self) -> dict[str, object]:
        return state_of(self)


@dataclass(frozen=True)
class WrappedSource:
    """The part of a `Source` that is the same as in the `source` that it changes."""

    source: Source

    @property
    def name(self) -> str:
        return self.source.name

    @property
    def blocks(self) -> Sequence[int] | None:
        return self.source.blocks

    @property
    def shuffled_blocks(self) -> int | None:
        return self.source.shuffled_blocks

    @property
    def files(self) -> Sequence[Path]:
        return self.source.files

    @property
    def names_files(self) -> bool:
        return self.source.names_files

    def where(self, block: int, row: int) -> str:
        return self.source.where(block, row)


def state_of(source: object) -> dict[str, object]:
    """The state of a source to pickle: its fields and `blocks`, without other caches about its files."""
    return {name: value for name, value in vars(source).items() if not name.startswith("_")}


def count_records(path: Path, num_records: Callable[[Path], int]) -> int:
    """`num_records` of one file of many; if that fails 1, for one bad record.

    Raises ValueError if the file does not exist: that is a mistake in the run, not in its data.
    """
    if not path.exists():
        raise ValueError(f"{path} does not exist")
    try:
        return num_records(path)
    except (OSError, ValueError):
        return 1
