"""The user's TOML file that names sources and their weights: file -> described sources -> mixtures of the stages.

    [[source]]
    name = "papers"
    kind = "pdfs"
    path = "papers"
    weights = { eyes = 1.0, whole = 0.5, late = 2.0 }

`path` is relative to the file. For `parquet`, `webdataset` and `text` it may be a folder or a pattern with `*` as well.
`weights` are those of the stages; one that is not named does not use the source. `late` is the weight at the end of the
decay, by default the one before it.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from demiglace.data.mixture import Mixture
from demiglace.data.sources.generated_clips import GeneratedClips
from demiglace.data.sources.generated_questions import GeneratedQuestions
from demiglace.data.sources.jsonl import JsonFile
from demiglace.data.sources.parquet import ParquetFiles
from demiglace.data.sources.pdf_folder import PdfFolder
from demiglace.data.sources.plain_text import PlainText
from demiglace.data.sources.rendered import RenderedPages, RenderedText
from demiglace.data.sources.source import Source
from demiglace.data.sources.tar_shards import TarShards

MOST_BYTES = 2**20
STAGES = (
    *("resampler", "eyes", "whole"),  # paper, section 3: the resampler learns; the encoder too; everything
    *("general", "long_cot_3d"),  # paper, section 4
)
LATE, STAGE_OF_LATE = "late", "whole"


@dataclass(frozen=True)
class SourceEntry:
    """One `[[source]]`; `options` are the fields that its kind has besides a name and a path."""

    name: str
    kind: str
    path: Path | None
    weights: Mapping[str, float]
    options: Mapping[str, Any] = field(default_factory=dict)

    def open(self) -> Source:
        """ValueError where its files are missing, or its options are out of bounds."""
        return KINDS[self.kind].make(self)


@dataclass(frozen=True)
class Kind:
    """How a source is made of its entry, and the types of its options; `takes_path` is False for generators."""

    make: Callable[[SourceEntry], Source]
    options: Mapping[str, type]
    takes_path: bool = True


@dataclass(frozen=True)
class MixtureFile:
    path: Path
    entries: tuple[SourceEntry, ...]

    def mixture(self, stage: str) -> Mixture:
        """The sources that have a weight in `stage`; ValueError where there are none or one cannot be opened."""
        weights = [(entry, *_weights(entry, stage)) for entry in self.entries]
        used = [(entry, early, late) for entry, early, late in weights if early or late]
        if not any(early for _, early, _ in used):
            raise ValueError(f"{self.path}: no source has a weight for {stage}")
        sources = tuple(_opened(self.path, entry) for entry, _, _ in used)
        return Mixture(sources, tuple(early for _, early, _ in used), tuple(late for _, _, late in used))


def read_mixture(path: Path) -> MixtureFile:
    """ValueError that names the file and the key where something is missing, unknown or out of bounds."""
    if not path.is_file():
        raise ValueError(f"{path} does not exist or is no file")
    if (size := path.stat().st_size) > MOST_BYTES:
        raise ValueError(f"{path} has {size} bytes, more than {MOST_BYTES}")
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is no TOML: {error}") from error
    if strange := sorted(table.keys() - {"source"}):
        raise ValueError(f"{path}: {strange[0]} is unknown; the file holds [[source]] tables")
    listed = table.get("source")
    if not isinstance(listed, list) or not listed or not all(isinstance(fields, dict) for fields in listed):
        raise ValueError(f"{path}: source must be one or more [[source]] tables")
    entries = tuple(_entry(path, number, fields) for number, fields in enumerate(listed, start=1))
    names = [entry.name for entry in entries]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"{path}: name {repeated[0]!r} is given to {names.count(repeated[0])} sources")
    return MixtureFile(path, entries)


def _entry(file: Path, number: int, fields: dict[str, Any]) -> SourceEntry:
    where = f"{file}: source {number}"
    name = _taken(where, fields, "name", str)
    where = f"{file}: source {name!r}"
    kind = _taken(where, fields, "kind", str)
    if kind not in KINDS:
        raise ValueError(f"{where}: kind must be one of {', '.join(KINDS)}, got {kind!r}")
    takes = KINDS[kind]
    path = file.parent / _taken(where, fields, "path", str) if takes.takes_path else None
    weights = _checked_weights(where, _taken(where, fields, "weights", dict))
    given = {key: _taken(where, fields, key, type_) for key, type_ in takes.options.items() if key in fields}
    known = {"name", "kind", "weights", *takes.options, *(["path"] if takes.takes_path else [])}
    if strange := sorted(fields.keys() - known):
        raise ValueError(f"{where}: {strange[0]} is unknown; {kind} takes {', '.join(sorted(known))}")
    for folder in given.keys() & {"media", "documents"}:
        given[folder] = file.parent / given[folder]
    return SourceEntry(name, kind, path, weights, given)


def _taken(where: str, fields: Mapping[str, Any], key: str, wanted: type) -> Any:
    """The value of a key, of the wanted type; a whole number will do for a float."""
    if key not in fields:
        raise ValueError(f"{where}: {key} is missing")
    value = fields[key]
    if wanted is float and type(value) is int:
        value = float(value)
    if type(value) is not wanted or value == "":
        words = {str: "text", int: "a whole number", float: "a number", dict: "a table", list: "a list"}
        raise ValueError(f"{where}: {key} must be {words[wanted]}, got {value!r:.50}")
    return value


def _checked_weights(where: str, weights: dict[str, Any]) -> dict[str, float]:
    known = (*STAGES, LATE)
    for key in weights:
        if key not in known:
            raise ValueError(f"{where}: weights.{key} is unknown; there are {', '.join(known)}")
        value = _taken(f"{where}: weights", weights, key, float)
        if not math.isfinite(value) or value < 0:
            raise ValueError(f"{where}: weights.{key} must be at least 0, got {value}")
    return {key: float(value) for key, value in weights.items()}


def _weights(entry: SourceEntry, stage: str) -> tuple[float, float]:
    """In the stable part and at the end of the decay, which the last stage of pre-training alone has."""
    early = entry.weights.get(stage, 0.0)
    return early, entry.weights.get(LATE, early) if stage == STAGE_OF_LATE else early


def _opened(file: Path, entry: SourceEntry) -> Source:
    try:
        source = entry.open()
        _ = source.blocks
    except (ValueError, OSError) as error:
        raise ValueError(f"{file}: source {entry.name!r}: {error}") from error
    return source


def _one(entry: SourceEntry) -> Path:
    assert entry.path is not None
    if not entry.path.exists():
        raise ValueError(f"path {entry.path} does not exist")
    return entry.path


def _many(entry: SourceEntry, suffixes: Sequence[str]) -> tuple[Path, ...]:
    """The file itself, the files of a folder that end so, or those that a pattern names."""
    assert entry.path is not None
    if entry.path.is_file():
        return (entry.path,)
    if entry.path.is_dir():
        found = [path for path in entry.path.rglob("*") if path.name.endswith(tuple(suffixes))]
    else:
        found = list(entry.path.parent.glob(entry.path.name))
    if not found:
        raise ValueError(f"path {entry.path} names no file{'' if '*' in entry.path.name else ' and does not exist'}")
    return tuple(sorted(found))


KINDS = {
    "jsonl": Kind(lambda entry: JsonFile(entry.name, _one(entry), **entry.options), {"media": str}),
    "parquet": Kind(
        lambda entry: ParquetFiles(entry.name, _many(entry, [".parquet"]), **entry.options), {"media": str}
    ),
    "webdataset": Kind(lambda entry: TarShards(entry.name, _many(entry, [".tar"]), **entry.options), {"question": str}),
    "pdfs": Kind(
        lambda entry: PdfFolder(entry.name, _one(entry), **entry.options),
        {"unit": str, "share": float, "levels": dict, "dpi": int},
    ),
    "text": Kind(lambda entry: PlainText(entry.name, _many(entry, [".txt", ".md"]), **entry.options), {"window": int}),
    "rendered": Kind(
        lambda entry: RenderedText(entry.name, **entry.options),
        {"max_lines": int, "max_characters": int, "documents": str}
        | {"document_share": float, "layout_share": float, "damaged_share": float},
        takes_path=False,
    ),
    "layouts": Kind(
        lambda entry: RenderedPages(entry.name, **entry.options),
        {"unit": str, "share": float, "levels": dict},
        takes_path=False,
    ),
    "questions": Kind(
        lambda entry: GeneratedQuestions(entry.name, **entry.options),
        {"topics": dict, "smallest": int, "largest": int, "long_share": float, "spoken_share": float}
        | {"text_share": float, "turns_share": float},
        takes_path=False,
    ),
    "clips": Kind(
        lambda entry: GeneratedClips(entry.name, **entry.options),
        {"kinds": list, "side": int, "max_fps": float, "max_package_frames": int, "max_packages": int}
        | {"long_share": float, "spoken_share": float, "several_share": float},
        takes_path=False,
    ),
}
