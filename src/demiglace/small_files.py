"""Small files of text: read within bounds, since they may be anybody's, and written whole or not at all."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


def read_object(path: Path, most_bytes: int) -> dict[str, Any]:
    """The JSON object in a file; ValueError where there is none, or more than `most_bytes`."""
    if not path.is_file():
        raise ValueError(f"no {path.name} in {path.parent}")
    if (size := path.stat().st_size) > most_bytes:
        raise ValueError(f"{path} has {size} bytes, more than {most_bytes}")
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is no JSON: {error}") from error
    if not isinstance(fields, dict):
        raise ValueError(f"{path} must hold a JSON object, got {type(fields).__name__}")
    return fields


def write_whole(path: Path, text: str) -> None:
    """All of `text` or nothing appears at `path`."""
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, path)
