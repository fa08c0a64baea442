"""Parquet files of records, the format of Hugging Face datasets."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from demiglace.conversation import Conversation, VideoSampling
from demiglace.data.source import SHUFFLED_BLOCKS, FileSource
from demiglace.records.bad_record import BadRecord
from demiglace.records.formats import read_record
from demiglace.records.media import Find
from demiglace.records.media_files import MediaFolders, media_of

if TYPE_CHECKING:
    import pyarrow

MAX_GROUP_BYTES = 2**31  # of a decoded row group, and of all that a process caches
CACHED_GROUPS = 2 * SHUFFLED_BLOCKS  # per process: when one set of blocks ends and the next begins, both are read
FIRST = 16  # records from which all are judged (ours)
BATCH = 64  # rows decoded at a time


@dataclass(frozen=True)
class ParquetFiles(FileSource):
    """Records of Parquet files. A block is a row group, decoded as a whole.

    Columns are the keys of a record (see `records.formats`); images are bytes, {"bytes", "path"}, or paths relative to
    the file's folder or to `media` and `media_root`, as in `JsonFile`. Needs pyarrow; ValueError without it.
    """

    name: str
    paths: tuple[Path, ...]
    media: Path | None = None
    media_root: Path | None = None
    sampling: VideoSampling | None = None
    find: Find | None = None

    @cached_property
    def blocks(self) -> tuple[int, ...]:
        return tuple(num_rows for _, _, num_rows in self._groups)

    @property
    def names_files(self) -> bool:
        """True unless one of the first records has its pictures in the table; then all are assumed to."""
        places = ((block, row) for block, size in enumerate(self.blocks) for row in range(size))
        return not any(isinstance(shown, bytes) for place in islice(places, FIRST) for shown in self._shown(*place))

    def read(self, block: int, row: int, seed: tuple[int, ...]) -> Conversation:
        path, where = self._groups[block][0], self.where(block, row)
        find = self.find or MediaFolders(path.parent, self.media, self.media_root).find
        try:
            record = self._group(block).slice(row, 1).to_pylist()[0]
        except ValueError as error:
            raise BadRecord(where, str(error)) from error
        return read_record(record, where, find, sampling=self.sampling)

    def _shown(self, block: int, row: int) -> list[object]:
        """The media of a record."""
        try:
            return media_of(self.read(block, row, (0,)))
        except BadRecord:
            return []

    def where(self, block: int, row: int) -> str:
        path, group, _ = self._groups[block]
        return f"{path}, row {row} of group {group}"

    @cached_property
    def _groups(self) -> tuple[tuple[Path, int, int], ...]:
        """For each row group the file, its index in the file, and its number of rows."""
        return tuple((path, group, rows) for path in self.paths for group, rows in enumerate(_num_rows(path)))

    def _group(self, block: int) -> pyarrow.Table:
        """The rows of a block. The least recently used blocks are dropped from the cache."""
        kept = self._kept
        kept[block] = kept.pop(block, None) or _read_group(*self._groups[block][:2])
        while len(kept) > 1 and (
            len(kept) > CACHED_GROUPS or sum(table.nbytes for table in kept.values()) > MAX_GROUP_BYTES
        ):
            del kept[next(iter(kept))]
        return kept[block]

    @cached_property
    def _kept(self) -> dict[int, pyarrow.Table]:
        return {}


def _num_rows(path: Path) -> list[int]:
    """The number of rows of each row group; one bad record if the file is no Parquet file."""
    parquet = _pyarrow_parquet()
    if not path.exists():
        raise ValueError(f"{path} does not exist")
    try:
        with parquet.ParquetFile(path) as file:
            return [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]
    except (_arrow_error(), OSError):
        return [1]


def _read_group(path: Path, group: int) -> pyarrow.Table:
    """ValueError if it cannot be decoded, or not within `MAX_GROUP_BYTES`."""
    import pyarrow

    batches, num_bytes = [], 0
    try:
        with _pyarrow_parquet().ParquetFile(path) as file:
            # In small batches, because a few bytes of a file can expand to any number in memory.
            for batch in file.iter_batches(BATCH, row_groups=[group], use_threads=False):
                batches.append(batch)
                num_bytes += batch.nbytes
                if num_bytes > MAX_GROUP_BYTES:
                    raise ValueError(f"a row group of {num_bytes} bytes and more, {MAX_GROUP_BYTES} are taken")
            return pyarrow.Table.from_batches(batches, file.schema_arrow)
    except (pyarrow.ArrowException, OSError, IndexError) as error:
        raise ValueError(f"the row group cannot be read: {error}") from error


def _pyarrow_parquet() -> Any:
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise ValueError("reading Parquet needs pyarrow: pip install 'demiglace[parquet]'") from error
    return pyarrow.parquet


def _arrow_error() -> type[Exception]:
    import pyarrow

    return pyarrow.ArrowException
