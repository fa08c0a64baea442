"""Files of a folder, in natural order."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

_DIGITS = re.compile(r"(\d+)")


def files_below(folder: Path, endings: Sequence[str]) -> list[Path]:
    """Files at any depth with one of `endings`, in any case, in natural order; without names that begin with a dot."""
    wanted = (path for path in folder.rglob("*") if ends_so(path, endings) and not _is_hidden(path, folder))
    return in_order(path for path in wanted if path.is_file())


def ends_so(path: Path, endings: Sequence[str]) -> bool:
    return path.suffix.lower() in endings


def in_order(paths: Iterable[Path]) -> list[Path]:
    """In natural order: `2.jsonl` before `10.jsonl`."""
    return sorted(paths, key=lambda path: (natural(str(path)), str(path)))


def natural(name: str) -> list[tuple[bool, int, str]]:
    """The sort key for natural order: numbers in names compare as numbers."""
    pieces = _DIGITS.split(name)
    return [(bool(number % 2), int(piece) if number % 2 else 0, piece) for number, piece in enumerate(pieces)]


def _is_hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(folder).parts)
