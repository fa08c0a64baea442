"""Files of records as given on a command line: files, folders, patterns and addresses -> one source."""

from __future__ import annotations

import glob
import re
from collections.abc import Callable, Iterator, Sequence, Set
from itertools import groupby
from pathlib import Path
from typing import TypeVar

from demiglace.conversation import VideoSampling
from demiglace.data.named_files import ends_so, files_below, in_order, is_other_split, natural
from demiglace.data.object_cache import ADDRESS, ObjectCache, StoredFile, stored_files
from demiglace.data.source import Source
from demiglace.data.sources.concatenated import Concatenated
from demiglace.data.sources.jsonl import JsonFile
from demiglace.data.sources.object_store import DEFAULT_CACHE, StoredRecords, stored_records
from demiglace.data.sources.parquet import ParquetFiles
from demiglace.data.sources.tar_shards import TarShards
from demiglace.records.media_files import check_folders

ENDINGS = (".jsonl", ".ndjson", ".json", ".parquet", ".tar")
ARROW = ".arrow"
MOST_NAMED = 3  # of the files that are left out
_PATTERN = re.compile(r"[*?[]")

RecordFile = Path | StoredFile
AnyFile = TypeVar("AnyFile", Path, StoredFile, RecordFile)
Media = Path | str  # a folder, or the address of one


def record_files(given: Sequence[Path | str]) -> tuple[RecordFile, ...]:
    """The files that `given` names: files themselves, those with `ENDINGS` below folders, and matches of patterns.

    Folders and patterns give their files in natural order, `2.jsonl` before `10.jsonl`; names that begin with a dot are
    left out. A string may be an address of an object store, where a folder ends with `/` and a pattern has a `*`.
    ValueError if one names nothing, or a file is named twice; StoreError if a store does not answer.
    """
    return _each_once([file for one in given for file in _named_by(one)])


def training_files(
    given: Sequence[Path | str],
    log: Callable[[str], object],
    validation: Sequence[RecordFile] = (),
    out: Path | None = None,
) -> tuple[RecordFile, ...]:
    """The same without files of validation and test splits in folders and patterns (`is_other_split`): `log` is told.

    A file that is given by its own name is always included, and a pattern that names a split matches it.
    validation: further files to leave out; ValueError if one is given by its own name. out: a folder of results, whose
    files are left out too, so that a run in the folder of its data can be resumed.
    """
    kept = {_key(file) for file in validation}
    files = _each_once([file for one in given for file in _of_training(one, kept, out, log)])
    if both := [file for file in files if _key(file) in kept]:
        raise ValueError(f"{place_of(both[0])} is given for training and for validation")
    return files


def without_other_splits(
    given: Path | str,
    found: Sequence[AnyFile],
    log: Callable[[str], object],
    kept: Set[object] = frozenset(),
) -> list[AnyFile]:
    """The files `found` of a folder or a pattern, without those of other splits and those whose key is `kept`.

    `log` is told which are left out. ValueError if they are all of other splits.
    """
    start = str(given) if _is_folder(given) else _PATTERN.split(str(given))[0].rpartition("/")[0]
    is_meant = is_other_split(_below(str(given), start))
    others = [
        file
        for file in found
        if _key(file) in kept or (not is_meant and is_other_split(_below(str(place_of(file)), start)))
    ]
    by_name = f"{_listed(others)}; to learn from a file, give it by its own name"
    if others and len(others) == len(found):
        raise ValueError(f"{given} has only files of validation or test splits: {by_name}")
    if others:
        log(f"left out, as files of validation or test splits: {by_name}")
    return [file for file in found if file not in others]


def place_of(file: RecordFile) -> Path | str:
    """Its path or its address."""
    return file if isinstance(file, Path) else file.address


def open_records(
    name: str,
    files: Sequence[RecordFile],
    media: Media | None = None,
    media_root: Path | None = None,
    sampling: VideoSampling | None = None,
    cache: ObjectCache = DEFAULT_CACHE,
) -> Source:
    """The records of all files, by their endings; a file with none of `ENDINGS` is JSON. The rest is as in `JsonFile`.

    cache: for files with addresses. ValueError if a file or folder is missing, for a folder of media if all files are
    shards with their own media, and for a local folder of media with files at addresses, or the other way round.
    """
    check_media(files, media, media_root)
    sources: list[Source] = []
    for (kind, is_stored), group in groupby(files, key=lambda file: (_kind(file), isinstance(file, StoredFile))):
        if is_stored:
            far = [file for file in group if isinstance(file, StoredFile)]
            sources.append(stored_records(name, kind, far, cache, sampling, None if media is None else str(media)))
        else:
            folder = media if isinstance(media, Path) else None
            sources += _local(name, kind, [Path(place_of(file)) for file in group], folder, media_root, sampling)
    return sources[0] if len(sources) == 1 else Concatenated(name, tuple(sources))


def open_pairs(
    given: str, media: Media | None, media_root: Path | None, cache: ObjectCache
) -> JsonFile | StoredRecords:
    """Records of preferences: a local JSON file, or those at an address; errors as in both functions above."""
    files = record_files([given])
    source = open_records(Path(given).name, files, media, media_root, cache=cache)
    if not isinstance(source, JsonFile | StoredRecords) or any(_kind(file) != "jsonl" for file in files):
        raise ValueError(f"{given} must be one file of JSON to hold pairs")
    return source


def check_media(files: Sequence[RecordFile], media: Media | None, media_root: Path | None) -> None:
    """ValueError if the folder of media does not exist, or such files cannot take media from it."""
    check_folders(media if isinstance(media, Path) else None, media_root)
    if media is None and media_root is None:
        return
    naming = [file for file in files if _kind(file) != "webdataset"]
    if not naming:
        raise ValueError(f"{place_of(files[0])} holds its own files: no media folder or media root is for it")
    far = [place_of(file) for file in naming if isinstance(file, StoredFile)]
    near = [file for file in naming if isinstance(file, Path)]
    if far and media_root is not None:
        raise ValueError(f"{far[0]} has an address: no media root is for it, but media may be the address of a folder")
    if far and isinstance(media, Path):
        raise ValueError(f"{far[0]} has an address: its media must have one too, got the folder {media}")
    if near and isinstance(media, str):
        raise ValueError(f"{near[0]} is here: its media must be a folder here, got {media}")


def _each_once(found: Sequence[RecordFile]) -> tuple[RecordFile, ...]:
    """The files; ValueError if one of them is there twice."""
    known: dict[object, RecordFile] = {}
    for file in found:
        if (earlier := known.setdefault(_key(file), file)) is not file:
            also = "" if earlier == file else f", as {place_of(earlier)} too"
            raise ValueError(f"{place_of(file)} is given twice{also}")
    return tuple(found)


def _of_training(
    given: Path | str, kept: Set[object], out: Path | None, log: Callable[[str], object]
) -> list[RecordFile]:
    """The files that `given` names, without those of other splits, those in `out` and those whose key is `kept`."""
    found = list(_named_by(given))
    if len(found) == 1 and _is_same(place_of(found[0]), given):
        return found
    found = [file for file in found if out is None or not _is_in(file, out)]
    return without_other_splits(given, found, log, kept)


def _is_same(place: Path | str, given: Path | str) -> bool:
    return place == given or (isinstance(place, Path) and place == Path(given))


def _is_in(file: RecordFile, folder: Path) -> bool:
    return isinstance(file, Path) and file.resolve().is_relative_to(folder.resolve())


def _is_folder(given: Path | str) -> bool:
    return str(given).endswith("/") if isinstance(given, str) and ADDRESS.match(given) else Path(given).is_dir()


def _below(place: str, folder: str) -> str:
    """The rest of a path or an address that is in `folder`."""
    names = [ADDRESS.sub("", one).strip("/") if ADDRESS.match(one) else str(Path(one)) for one in (place, folder)]
    return names[0].removeprefix(names[1])


def _listed(files: Sequence[RecordFile]) -> str:
    more = f" and {len(files) - MOST_NAMED} more" if len(files) > MOST_NAMED else ""
    return ", ".join(str(place_of(file)) for file in files[:MOST_NAMED]) + more


def _key(file: RecordFile) -> object:
    return file.resolve() if isinstance(file, Path) else file.address


def _kind(file: RecordFile) -> str:
    return {".parquet": "parquet", ".tar": "webdataset"}.get(Path(place_of(file)).suffix.lower(), "jsonl")


def _local(
    name: str,
    kind: str,
    paths: Sequence[Path],
    media: Path | None,
    media_root: Path | None,
    sampling: VideoSampling | None,
) -> list[Source]:
    """The sources for local files of one kind; each JSON file is a source of its own."""
    if missing := [path for path in paths if not path.exists()]:
        raise ValueError(f"{missing[0]} does not exist")
    if kind == "parquet":
        return [ParquetFiles(name, tuple(paths), media, media_root, sampling)]
    if kind == "webdataset":
        return [TarShards(name, tuple(paths), sampling=sampling)]
    return [JsonFile(name, path, media, media_root, sampling) for path in paths]


def _named_by(given: Path | str) -> Iterator[RecordFile]:
    if isinstance(given, str) and ADDRESS.match(given):
        return iter(sorted(stored_files(given, ENDINGS), key=lambda file: natural(file.address)))
    return _expanded(Path(given))


def _expanded(given: Path) -> Iterator[Path]:
    if given.is_dir():
        found = files_below(given, (*ENDINGS, ARROW))
    elif given.exists() or not _PATTERN.search(str(given)):
        if not given.exists():
            raise ValueError(f"{given} does not exist")
        found = [given]
    else:
        matched = [Path(path) for path in glob.glob(str(given), recursive=True)]
        inside = [path for folder in matched if folder.is_dir() for path in files_below(folder, ENDINGS)]
        found = in_order({*inside, *(path for path in matched if path.is_file() and ends_so(path, ENDINGS))})
    # Beside the Arrow files of `save_to_disk` are JSON files, which are no records.
    if arrow := [path for path in found if ends_so(path, (ARROW,))]:
        raise ValueError(f"{arrow[0]}: Arrow files of datasets are not read; `to_parquet` of datasets writes Parquet")
    if not found:
        raise ValueError(f"{given} names no file of records: {', '.join(ENDINGS)}")
    yield from found
