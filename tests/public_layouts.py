"""Small files in the layouts that public benchmarks come in."""

from __future__ import annotations

import base64
import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image as Pillow


def png(colour: str = "red", size: tuple[int, int] = (60, 40)) -> bytes:
    held = io.BytesIO()
    Pillow.effect_noise(size, 60).convert("RGB").save(held, "PNG") if colour == "noise" else Pillow.new(
        "RGB", size, colour
    ).save(held, "PNG")
    return held.getvalue()


def in_base64(colour: str = "red") -> str:
    return base64.b64encode(png(colour)).decode()


def write_tsv(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    names = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, names, delimiter="\t", restval="")
        writer.writeheader()
        writer.writerows(rows)
    return path


def write_jsonl(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def write_parquet(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    import pyarrow
    import pyarrow.parquet

    path.parent.mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(list(rows)), path)
    return path


def struct(colour: str = "red") -> dict[str, Any]:
    """A picture as the hub keeps it."""
    return {"bytes": png(colour), "path": "picture.png"}
