"""Files of records as they are named on a command line: files, folders and patterns -> one source."""

from __future__ import annotations

import glob
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path

from demiglace.conversation import VideoSampling
from demiglace.data.source import Source
from demiglace.data.sources.joined import Joined
from demiglace.data.sources.jsonl import JsonFile
from demiglace.data.sources.parquet import ParquetFiles
from demiglace.data.sources.tar_shards import TarShards
from demiglace.records.media_files import check_folders

ENDINGS = (".jsonl", ".ndjson", ".json", ".parquet", ".tar")
_PATTERN = re.compile(r"[*?[]")
_DIGITS = re.compile(r"(\d+)")


def record_files(given: Sequence[Path]) -> tuple[Path, ...]:
    """The files that `given` names: files themselves, those of `ENDINGS` below folders, and what patterns match.

    Folders and patterns give their files in natural order, `2.jsonl` before `10.jsonl`; names that begin with a dot are
    left out. ValueError where one names nothing, or a file is named twice.
    """
    found = [path for one in given for path in _expanded(one)]
    known: dict[Path, Path] = {}
    for path in found:
        if (earlier := known.setdefault(path.resolve(), path)) is not path:
            raise ValueError(f"{path} is given twice" + (f", as {earlier} too" if earlier != path else ""))
    return tuple(found)


def open_records(
    name: str,
    paths: Sequence[Path],
    media: Path | None = None,
    media_root: Path | None = None,
    sampling: VideoSampling | None = None,
) -> Source:
    """The records of all files, by their endings; what has none of `ENDINGS` is JSON. The rest is as in `JsonFile`.

    ValueError where a file or folder is missing, and for folders of media where all files are shards with their own.
    """
    check_folders(media, media_root)
    if (media or media_root) and all(path.suffix.lower() == ".tar" for path in paths):
        raise ValueError(f"{paths[0]} holds its own files: no media folder or media root is for it")
    sources: list[Source] = []
    for ending, group in groupby(paths, key=lambda path: path.suffix.lower()):
        files = tuple(group)
        if missing := [path for path in files if not path.exists()]:
            raise ValueError(f"{missing[0]} does not exist")
        if ending == ".parquet":
            sources.append(ParquetFiles(name, files, media, media_root, sampling))
        elif ending == ".tar":
            sources.append(TarShards(name, files, sampling=sampling))
        else:
            sources += [JsonFile(name, path, media, media_root, sampling) for path in files]
    return sources[0] if len(sources) == 1 else Joined(name, tuple(sources))


def _expanded(given: Path) -> Iterator[Path]:
    if given.is_dir():
        found = _below(given)
    elif given.exists() or not _PATTERN.search(str(given)):
        if not given.exists():
            raise ValueError(f"{given} does not exist")
        found = [given]
    else:
        matched = [Path(path) for path in glob.glob(str(given), recursive=True)]
        inside = [path for folder in matched if folder.is_dir() for path in _below(folder)]
        found = _in_order({*inside, *(path for path in matched if path.is_file() and _is_of_records(path))})
    if not found:
        raise ValueError(f"{given} names no file of records: {', '.join(ENDINGS)}")
    yield from found


def _below(folder: Path) -> list[Path]:
    paths = folder.rglob("*")
    return _in_order(path for path in paths if _is_of_records(path) and path.is_file() and not _is_hidden(path, folder))


def _is_of_records(path: Path) -> bool:
    return path.suffix.lower() in ENDINGS


def _is_hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(folder).parts)


def _in_order(paths: Iterable[Path]) -> list[Path]:
    return sorted(paths, key=lambda path: (_natural(str(path)), str(path)))


def _natural(name: str) -> list[tuple[bool, int, str]]:
    """Numbers in a name compare as numbers."""
    pieces = _DIGITS.split(name)
    return [(bool(number % 2), int(piece) if number % 2 else 0, piece) for number, piece in enumerate(pieces)]
