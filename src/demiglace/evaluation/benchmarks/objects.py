"""Objects that a description names but that are not in the picture: ObjHalBench (RLHF-V).

The folder needs its 300 rows, COCO's annotations `instances_*.json` and `captions_*.json` of 2014, and the names of
objects, `synonyms*.txt` (a line for each object: its name, then synonyms, separated by commas). An object is in a
picture if it is annotated there or named in one of its captions (CHAIR).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from demiglace.evaluation.benchmark import Benchmark, Example, Figure, plain_prompt
from demiglace.evaluation.dataset.files import MOST_JSON_BYTES, Source, rows_of
from demiglace.evaluation.dataset.media import pictures_of
from demiglace.evaluation.dataset.row import Row
from demiglace.safe_files import read_object
from demiglace.scoring.families.chair import named_objects
from demiglace.scoring.verdict import Expected

ROWS = Source(("obj_halbench_300_with_image", "ObjHalBench"))
FIGURES = (Figure("CHAIRs", of="captions"), Figure("CHAIRi", of="objects"))
NAMES = "synonyms*.txt"

Synonyms = Mapping[str, Sequence[str]]


def _objhalbench(place: Path | None) -> Iterator[Example]:
    files = ROWS.files(place)
    rows = list(rows_of(files))
    synonyms = _synonyms(_beside(files[0], NAMES)[0])
    present = _present(files[0], {row.text("image_id") for row in rows}, synonyms)
    choices = {owner: ", ".join(names) for owner, names in synonyms.items()}
    for number, row in enumerate(rows):
        expected = _expected(row, present, choices)
        yield Example(str(number), row.text("question"), expected, "named objects", partial(pictures_of, row))


def _expected(row: Row, present: Mapping[str, set[str]], choices: Mapping[str, str]) -> Expected:
    if not (objects := present.get(row.text("image_id"))):
        raise ValueError(f"{row.place} is picture {row.text('image_id')}, of which the annotations know 0 objects")
    return Expected(tuple(sorted(objects)), choices)


def _beside(file: Path, pattern: str) -> list[Path]:
    if not (found := sorted(file.parent.glob(pattern))):
        raise ValueError(f"{file.parent} holds no {pattern}, which tells what is in the pictures of {file.name}")
    return found


def _synonyms(file: Path) -> dict[str, list[str]]:
    """Object -> all its names."""
    lines = (line.split(",") for line in file.read_text(encoding="utf-8-sig").splitlines() if line.strip())
    named = [[name.strip() for name in names if name.strip()] for names in lines]
    return {names[0]: names for names in named if names}


def _present(file: Path, pictures: set[str], synonyms: Synonyms) -> dict[str, set[str]]:
    """Picture -> the objects in it, from annotated instances and captions."""
    found = defaultdict[str, set[str]](set)
    for outlines in _beside(file, "instances_*.json"):
        for picture, name in _outlined(outlines):
            if picture in pictures and name in synonyms:
                found[picture].add(name)
    for captions in sorted(file.parent.glob("captions_*.json")):
        for annotation in _annotations(captions):
            if (picture := str(annotation["image_id"])) in pictures:
                found[picture] |= set(named_objects(str(annotation["caption"]), (), synonyms).named)
    return found


def _outlined(file: Path) -> Iterator[tuple[str, str]]:
    table = read_object(file, MOST_JSON_BYTES)
    names = {entry["id"]: str(entry["name"]) for entry in table.get("categories", ())}
    return ((str(entry["image_id"]), names[entry["category_id"]]) for entry in _entries(file, table))


def _annotations(file: Path) -> Iterable[Mapping[str, Any]]:
    return _entries(file, read_object(file, MOST_JSON_BYTES))


def _entries(file: Path, table: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    entries = table.get("annotations")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) and "image_id" in entry for entry in entries):
        raise ValueError(f"{file} must hold a list of annotations, each with an image_id, as COCO's files do")
    return entries


OBJECTS = (Benchmark("ObjHalBench", "Object HalBench", _objhalbench, plain_prompt, FIGURES, max_new_tokens=1024),)
