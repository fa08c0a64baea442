"""Files of a folder, in natural order."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePath

_DIGITS = re.compile(r"(\d+)")
# Words by which `load_dataset` of datasets 5.2 tells the splits of a folder apart, and the signs between words,
# with those of patterns.
_TRAIN = frozenset(("train", "training"))
_OTHERS = frozenset(("validation", "valid", "val", "dev", "test", "testing", "eval", "evaluation"))
_SIGNS = re.compile(r"[-._ 0-9*?\[\]]+")


def files_below(folder: Path, endings: Sequence[str]) -> list[Path]:
    """Files at any depth with one of `endings`, in any case, in natural order; without names that begin with a dot."""
    wanted = (path for path in folder.rglob("*") if ends_so(path, endings) and not _is_hidden(path, folder))
    return in_order(path for path in wanted if path.is_file())


def ends_so(path: Path, endings: Sequence[str]) -> bool:
    return path.suffix.lower() in endings


def is_other_split(name: PurePath | str) -> bool:
    """Whether a path names a validation or test split; the innermost of its names with such a word decides."""
    for part in reversed(PurePath(name).parts):
        words = set(_SIGNS.split(part.lower()))
        if words & (_TRAIN | _OTHERS):
            return not words & _TRAIN
    return False


def in_order(paths: Iterable[Path]) -> list[Path]:
    """In natural order: `2.jsonl` before `10.jsonl`."""
    return sorted(paths, key=lambda path: (natural(str(path)), str(path)))


def natural(name: str) -> list[tuple[bool, int, str]]:
    """The sort key for natural order: numbers in names compare as numbers."""
    pieces = _DIGITS.split(name)
    return [(bool(number % 2), int(piece) if number % 2 else 0, piece) for number, piece in enumerate(pieces)]


def _is_hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(folder).parts)
