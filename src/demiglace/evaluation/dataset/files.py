"""Finding a benchmark's data, and reading rows: VLMEvalKit's TSV, the hub's Parquet, JSON Lines, a JSON list."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demiglace.evaluation.dataset.row import Row
from demiglace.model.hub import dataset_folder

MOST_FIELD_CHARACTERS = 2**28  # in a field of a TSV, which may contain pictures
MOST_JSON_BYTES = 2**30
LONGEST_REFERENCE = 64  # characters; pictures in base64 are longer (VLMEvalKit)
_ROWS_AT_A_TIME = 16


@dataclass(frozen=True)
class Source:
    """names: of files without their suffix, or of folders.

    hub: id of the data set; hub_files: pattern of its files; hub_pictures: pattern of files that rows name.
    """

    names: tuple[str, ...]
    hub: str = ""
    hub_files: str = ""
    hub_pictures: str = ""

    def files(self, place: Path | None) -> list[Path]:
        """The files in `place`, a file or a folder, or by default from the hub. ValueError if there is none."""
        if place is None:
            if not self.hub:
                raise ValueError(f"{self.names[0]} has to be given: {self.names[0]}=PATH, or --data FOLDER")
            patterns = [self.hub_files, "*.json", "*.jsonl", *filter(None, [self.hub_pictures])]
            return self._in_folder(dataset_folder(self.hub, patterns))
        if place.is_file():
            return [place]
        if not place.is_dir():
            raise ValueError(f"{place} is neither a file nor a folder")
        return self._in_folder(place)

    def _in_folder(self, folder: Path) -> list[Path]:
        """The files in `folder`; ValueError if there are none."""
        if found := self._found(folder):
            return found
        wanted = ", ".join(f"{name}{suffix}" for name in self.names for suffix in READERS)
        raise ValueError(f"{folder} holds none of {wanted}{f', {self.hub_files}' if self.hub_files else ''}")

    def _found(self, folder: Path) -> list[Path]:
        """Files in the folder itself take precedence over subfolders: MotionBench's videos are in one of its name.

        `hub_files` comes last, because a folder of all benchmarks may contain other files that match it.
        """
        for found in (folder / f"{name}{suffix}" for name in self.names for suffix in READERS):
            if found.is_file():
                return [found]
        for inner in (folder / name for name in self.names):
            if inner.is_dir() and (found_inside := self._found(inner)):
                return found_inside
        return sorted(folder.glob(self.hub_files)) if self.hub_files else []


def rows_of(files: Sequence[Path]) -> Iterator[Row]:
    """All rows of some files, in order; ValueError if a file is of unknown type, or does not match its suffix."""
    for file in files:
        if file.suffix not in READERS:
            raise ValueError(f"{file} ends with none of {', '.join(READERS)}")
        for number, fields in enumerate(READERS[file.suffix](file), start=1):
            yield Row(fields, file.parent, f"row {number} of {file.name}")


def _tsv(file: Path) -> Iterator[Mapping[str, Any]]:
    """Rows of a TSV; a picture that is the index of another row stands for that row's picture (VLMEvalKit)."""
    wanted = {str(row["image"]) for row in _table(file) if _is_reference(row)}
    pictures = {row["index"]: row["image"] for row in _table(file) if row.get("index") in wanted} if wanted else {}
    for row in _table(file):
        yield row | {"image": pictures.get(row["image"], row["image"])} if _is_reference(row) else row


def _is_reference(row: Mapping[str, Any]) -> bool:
    picture = row.get("image")
    return bool(picture) and "index" in row and len(str(picture)) <= LONGEST_REFERENCE


def _table(file: Path) -> Iterator[dict[str, Any]]:
    csv.field_size_limit(MOST_FIELD_CHARACTERS)
    with file.open(encoding="utf-8-sig", newline="") as lines:
        try:
            for row in csv.DictReader(lines, delimiter="\t"):
                if None in row or None in row.values():
                    raise ValueError(f"{file} has a row of more or fewer fields than its first line")
                yield row
        except (csv.Error, UnicodeDecodeError) as error:
            raise ValueError(f"{file} is not valid TSV: {error}") from error


def _parquet(file: Path) -> Iterator[Mapping[str, Any]]:
    try:
        import pyarrow as arrow
        import pyarrow.parquet as parquet
    except ImportError as error:
        raise ValueError(f"{file} takes the extra parquet: pip install 'demiglace[parquet]'") from error
    try:
        with parquet.ParquetFile(file) as table:
            for batch in table.iter_batches(batch_size=_ROWS_AT_A_TIME):
                yield from batch.to_pylist()
    except arrow.ArrowException as error:
        raise ValueError(f"{file} is not a Parquet file: {error}") from error


def _json_lines(file: Path) -> Iterator[Mapping[str, Any]]:
    with file.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield _object(line, f"line {number} of {file}")


def _object(line: bytes, place: str) -> dict[str, Any]:
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{place} is not valid JSON: {error}") from error
    if not isinstance(fields, dict):
        raise ValueError(f"{place} must hold a JSON object, got {type(fields).__name__}")
    return fields


def _json(file: Path) -> Iterator[Mapping[str, Any]]:
    """Rows of a list of objects, which may be the only list in an object."""
    if (size := file.stat().st_size) > MOST_JSON_BYTES:
        raise ValueError(f"{file} has {size} bytes, more than {MOST_JSON_BYTES}")
    try:
        found = json.loads(file.read_bytes())
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{file} is not valid JSON: {error}") from error
    lists = [value for value in found.values() if isinstance(value, list)] if isinstance(found, dict) else [found]
    if len(lists) != 1 or not isinstance(lists[0], list) or not all(isinstance(row, dict) for row in lists[0]):
        raise ValueError(f"{file} must hold one list of objects")
    yield from lists[0]


READERS: Mapping[str, Callable[[Path], Iterator[Mapping[str, Any]]]] = {
    ".tsv": _tsv,
    ".jsonl": _json_lines,
    ".json": _json,
    ".parquet": _parquet,
}
