"""A source of training conversations: what the loader reads, whatever its files are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from demiglace.conversation import Conversation


class Source(Protocol):
    """Records by number, in blocks that are cheap to read from in any order: a file, a row group, a shard, a PDF.

    Sources are cheap to make and to pickle, since they go to worker processes: what they learn about their files is
    kept by each process for itself, and files are open only while they are read.
    """

    @property
    def name(self) -> str:
        """How figures and messages call it."""

    @property
    def blocks(self) -> Sequence[int] | None:
        """Records in each block; None where there is no end, and records are rows of block 0.

        A file of many that cannot be opened counts as a block of one record, a bad one, so that it is reported like
        any other. Raises ValueError where a file does not exist.
        """

    @property
    def files(self) -> Sequence[Path]:
        """What records are read from."""

    @property
    def names_files(self) -> bool:
        """Whether records name further files: pictures, documents and videos that lie beside them."""

    def read(self, block: int, row: int, seed: tuple[int, ...]) -> Conversation:
        """A record, ending with the assistant: a pure function of the files and the arguments.

        `seed` (numbers from 0) seeds all random choices. Raises BadRecord where the record cannot be used.
        """

    def where(self, block: int, row: int) -> str:
        """The place of a record, as its BadRecord tells it."""


class Endless:
    """The part of a `Source` that all share which make their records up: there is no end, and no file."""

    @property
    def blocks(self) -> None:
        return None

    @property
    def files(self) -> tuple[Path, ...]:
        return ()

    @property
    def names_files(self) -> bool:
        return False


def state_of(source: Source) -> dict[str, object]:
    """What is pickled of a source: its fields and `blocks`, without what it keeps in mind about its files."""
    return {name: value for name, value in vars(source).items() if not name.startswith("_")}


def count_records(path: Path, num_records: Callable[[Path], int]) -> int:
    """`num_records` of one file of many; 1, which is to be a bad one, where that fails.

    Raises ValueError itself where the file does not exist: that is a mistake of the run, not of its data.
    """
    if not path.exists():
        raise ValueError(f"{path} does not exist")
    try:
        return num_records(path)
    except (OSError, ValueError):
        return 1
