"""The user's TOML file of sources and their weights: file -> described sources -> mixtures of the stages.

    [[source]]
    name = "papers"
    kind = "pdfs"
    path = "papers"
    weights = { vision = 1.0, full = 0.5, late = 2.0 }

Paths are relative to the file. For `parquet`, `webdataset` and `text`, `path` may also be a folder or a pattern with
`*`, of which the first two leave out files of validation and test splits. For these and `jsonl` it may be the URL of an
object store, such as `s3://bucket/shards/*.tar`; a folder there ends with `/`. `[cache]` sets where its files are kept
(`folder`) and how much of them (`gb`).
`weights` are by stage; a stage that is not listed does not use the source. `late` is the weight at the end of the
decay, by default the one before it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from demiglace.data.mixture import Mixture
from demiglace.data.named_files import files_below, in_order
from demiglace.data.object_cache import ADDRESS, ObjectCache
from demiglace.data.source import Source
from demiglace.data.sources import generated_clips, generated_instructions, generated_questions, pdf_folder, plain_text
from demiglace.data.sources.generated_clips import GeneratedClips
from demiglace.data.sources.generated_instructions import GeneratedInstructions
from demiglace.data.sources.generated_questions import GeneratedQuestions
from demiglace.data.sources.jsonl import JsonFile
from demiglace.data.sources.object_store import ADDRESS_OPTION, DEFAULT_CACHE, check_stored, open_stored
from demiglace.data.sources.parquet import ParquetFiles
from demiglace.data.sources.pdf_folder import PdfFolder
from demiglace.data.sources.plain_text import PlainText
from demiglace.data.sources.record_files import AnyFile, without_other_splits
from demiglace.data.sources.rendered import RenderedPages, RenderedText
from demiglace.data.sources.tar_shards import TarShards
from demiglace.data.text_crops import text_crops
from demiglace.documents.corruption import restoration_task
from demiglace.fields import WEIGHT, Field, Real, TableOf, Words, take
from demiglace.records import media_settings
from demiglace.records.media_files import check_folders

Log = Callable[[str], object]

MOST_BYTES = 2**20
STAGES = (
    *("resampler", "vision", "full"),  # paper, section 3: trainable are the resampler; also the encoder; everything
    *("general", "long_cot_3d"),  # paper, section 4
)
RL = "hybrid_rl"  # paper, section 5; not one of the supervised stages, whose indices are part of seeds
PREFERENCE = "preference"  # paper, section 5: RLAIF-V
LATE, STAGE_OF_LATE = "late", "full"
CACHE: Mapping[str, Field] = {"folder": Words(), "gb": Real(0, 10**6, above=True)}
HEAD: Mapping[str, Field] = {
    "name": Words(),
    "path": Words(),
    "weights": TableOf(WEIGHT, (*STAGES, RL, PREFERENCE, LATE)),
}
FOLDERS = ("media", "media_root", "documents", "fonts")  # options that are paths, also relative to the file


@dataclass(frozen=True)
class SourceEntry:
    """One `[[source]]`; `options` are the fields of its kind other than name and path."""

    name: str
    kind: str
    path: Path | None
    weights: Mapping[str, float]
    options: Mapping[str, Any] = field(default_factory=dict)

    def open(self, cache: ObjectCache, log: Log) -> Source:
        """ValueError if its files are missing or its options are out of bounds; `cache` is for an `address`.

        `log` is told which files of records are left out of a folder or pattern, as of other splits.
        """
        if ADDRESS_OPTION in self.options:
            return open_stored(self.name, self.kind, self.options, cache, partial(_to_learn, self, log=log))
        return KINDS[self.kind].make(self, log)


@dataclass(frozen=True)
class SourceKind:
    """How a source is made from its entry, and its allowed options; `takes_path` is False for generators."""

    make: Callable[[SourceEntry, Log], Source]
    options: Mapping[str, Field]
    takes_path: bool = True


@dataclass(frozen=True)
class MixtureFile:
    """A parsed mixture; `cache` does not affect the results of a run."""

    path: Path
    entries: tuple[SourceEntry, ...]
    cache: ObjectCache = DEFAULT_CACHE

    def mixture(self, stage: str, log: Log = lambda notice: None) -> Mixture:
        """The sources that have a weight in `stage`; ValueError if there are none or one cannot be opened.

        log: as in `SourceEntry.open`.
        """
        weights = [(entry, *_weights(entry, stage)) for entry in self.entries]
        used = [(entry, early, late) for entry, early, late in weights if early or late]
        if not any(early for _, early, _ in used):
            raise ValueError(f"{self.path}: no source has a weight for {stage}")
        sources = tuple(_opened(self.path, entry, self.cache, log) for entry, _, _ in used)
        return Mixture(sources, tuple(early for _, early, _ in used), tuple(late for _, _, late in used))


def read_mixture(path: Path) -> MixtureFile:
    """Reads a mixture; ValueError names the file and the key if something is missing, unknown or out of bounds."""
    if not path.is_file():
        raise ValueError(f"{path} is not a file")
    if (size := path.stat().st_size) > MOST_BYTES:
        raise ValueError(f"{path} has {size} bytes, more than {MOST_BYTES}")
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not valid TOML: {error}") from error
    if strange := sorted(table.keys() - {"source", "cache"}):
        raise ValueError(f"{path}: {strange[0]} is unknown; the file holds [[source]] tables and one [cache]")
    listed = table.get("source")
    if not isinstance(listed, list) or not listed or not all(isinstance(fields, dict) for fields in listed):
        raise ValueError(f"{path}: source must be one or more [[source]] tables")
    entries = tuple(_entry(path, number, fields) for number, fields in enumerate(listed, start=1))
    names = [entry.name for entry in entries]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"{path}: name {repeated[0]!r} is given to {names.count(repeated[0])} sources")
    return MixtureFile(path, entries, _cache(path, table.get("cache", {})))


def _cache(file: Path, fields: object) -> ObjectCache:
    held = take(f"{file}: cache", fields, CACHE)
    if strange := sorted(fields.keys() - CACHE.keys() if isinstance(fields, dict) else ()):
        raise ValueError(f"{file}: cache: {strange[0]} is unknown; it takes {', '.join(CACHE)}")
    folder = file.parent / held["folder"] if "folder" in held else DEFAULT_CACHE.folder
    return ObjectCache(folder, int(held["gb"] * 1e9) if "gb" in held else DEFAULT_CACHE.most_bytes)


def _entry(file: Path, number: int, fields: dict[str, Any]) -> SourceEntry:
    name = take(f"{file}: source {number}", fields, {"name": HEAD["name"]}, ["name"])["name"]
    where = f"{file}: source {name!r}"
    kind = take(where, fields, {"kind": Words(tuple(KINDS))}, ["kind"])["kind"]
    takes = KINDS[kind]
    known = {"name", "kind", "weights", *takes.options, *(["path"] if takes.takes_path else [])}
    if strange := sorted(fields.keys() - known):
        raise ValueError(f"{where}: {strange[0]} is unknown; {kind} takes {', '.join(sorted(known))}")
    head = take(where, fields, HEAD, known & HEAD.keys())
    options = take(where, fields, takes.options)
    if takes.takes_path and ADDRESS.match(head["path"]):
        check_stored(where, kind, options)
        return SourceEntry(name, kind, None, head["weights"], {**options, ADDRESS_OPTION: head["path"]})
    path = file.parent / head["path"] if takes.takes_path else None
    for folder in options.keys() & set(FOLDERS):
        options[folder] = file.parent / options[folder]
    return SourceEntry(name, kind, path, head["weights"], options)


def _weights(entry: SourceEntry, stage: str) -> tuple[float, float]:
    """Weights in the stable part and at the end of the decay; only the last stage of pre-training has a decay."""
    early = entry.weights.get(stage, 0.0)
    return early, entry.weights.get(LATE, early) if stage == STAGE_OF_LATE else early


def _opened(file: Path, entry: SourceEntry, cache: ObjectCache, log: Log) -> Source:
    try:
        source = entry.open(cache, log)
        _ = source.blocks
    except (ValueError, OSError) as error:
        raise ValueError(f"{file}: source {entry.name!r}: {error}") from error
    return source


def _one(entry: SourceEntry) -> Path:
    assert entry.path is not None
    if not entry.path.exists():
        raise ValueError(f"path {entry.path} does not exist")
    return entry.path


def _many(entry: SourceEntry, suffixes: Sequence[str], log: Log) -> tuple[Path, ...]:
    """The file itself, or what is to be learned of the files of a folder with these suffixes, or of those that match a
    pattern, in natural order."""
    assert entry.path is not None
    if entry.path.is_file():
        return (entry.path,)
    if entry.path.is_dir():
        found = files_below(entry.path, suffixes)
    else:
        found = in_order(entry.path.parent.glob(entry.path.name))
    if not found:
        raise ValueError(f"path {entry.path} names no file{'' if '*' in entry.path.name else ' and does not exist'}")
    return tuple(_to_learn(entry, found, log))


def _to_learn(entry: SourceEntry, found: Sequence[AnyFile], log: Log) -> list[AnyFile]:
    """`found` without files of other splits; files of text are named after what they are about."""
    if entry.kind == "text":
        return list(found)
    return without_other_splits(entry.options.get(ADDRESS_OPTION) or str(entry.path), found, log)


def _of_records(entry: SourceEntry) -> dict[str, Any]:
    """Options of a source of records, with those for videos combined into one; ValueError if a folder is missing."""
    check_folders(entry.options.get("media"), entry.options.get("media_root"))
    settings = {key: value for key, value in entry.options.items() if key in media_settings.OPTIONS}
    others = {key: value for key, value in entry.options.items() if key not in settings}
    return others | {"sampling": media_settings.video_sampling(settings)}


FOLDER = Words()
OF_RECORDS: Mapping[str, Field] = {"media": FOLDER, "media_root": FOLDER, **media_settings.OPTIONS}
KINDS: Mapping[str, SourceKind] = {
    "jsonl": SourceKind(lambda entry, log: JsonFile(entry.name, _one(entry), **_of_records(entry)), OF_RECORDS),
    "parquet": SourceKind(
        lambda entry, log: ParquetFiles(entry.name, _many(entry, [".parquet"], log), **_of_records(entry)), OF_RECORDS
    ),
    "webdataset": SourceKind(
        lambda entry, log: TarShards(entry.name, _many(entry, [".tar"], log), **_of_records(entry)),
        {"question": Words(), **media_settings.OPTIONS},
    ),
    "pdfs": SourceKind(lambda entry, log: PdfFolder(entry.name, _one(entry), **entry.options), pdf_folder.OPTIONS),
    "text": SourceKind(
        lambda entry, log: PlainText(entry.name, _many(entry, [".txt", ".md"], log), **entry.options),
        plain_text.OPTIONS,
    ),
    "rendered": SourceKind(
        lambda entry, log: RenderedText(entry.name, **entry.options),
        {"documents": FOLDER, "fonts": FOLDER, **text_crops.OPTIONS},
        takes_path=False,
    ),
    "layouts": SourceKind(
        lambda entry, log: RenderedPages(entry.name, **entry.options), restoration_task.OPTIONS, takes_path=False
    ),
    "questions": SourceKind(
        lambda entry, log: GeneratedQuestions(entry.name, **entry.options),
        generated_questions.OPTIONS,
        takes_path=False,
    ),
    "instructions": SourceKind(
        lambda entry, log: GeneratedInstructions(entry.name, **entry.options),
        generated_instructions.OPTIONS,
        takes_path=False,
    ),
    "clips": SourceKind(
        lambda entry, log: GeneratedClips(entry.name, **entry.options), generated_clips.OPTIONS, takes_path=False
    ),
}
