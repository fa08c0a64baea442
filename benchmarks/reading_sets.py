"""What the reading benchmark reads: rendered lines in fonts kept out of training, real lines, and pages."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image as Pillow

from demiglace.data.degradation import degrade
from demiglace.data.fonts import Face, unseen_faces
from demiglace.data.rendering import render_block
from demiglace.data.texts import sample_text
from demiglace.data.typesetting import Look
from demiglace.processing.documents import open_pages
from demiglace.processing.pictures import open_picture

SEED = 45


@dataclass(frozen=True)
class ReadingSet:
    """Pictures of one kind and what they say; `unit` is "line" or "page".

    Where the texts are not `case_sensitive` (some truths are written in capitals whatever the picture shows), only
    the rate for any case says something. Only `quotable` texts, our own, may stand in a result that is published.
    """

    name: str
    unit: str
    pictures: list[Pillow.Image]
    texts: list[str]
    case_sensitive: bool = True
    quotable: bool = False


@dataclass(frozen=True)
class Skipped:
    name: str
    reason: str


def rendered_lines(num_lines: int, degraded: bool) -> ReadingSet | Skipped:
    """Lines of 4 to 40 characters in unseen fonts, clean or worn; the same ones for the same number of lines."""
    name = f"rendered, {'degraded' if degraded else 'clean'}, unseen fonts"
    rng = np.random.default_rng(SEED + degraded)
    try:
        faces = unseen_faces()
        drawn = [_rendered_line(rng, faces, degraded) for _ in range(num_lines)]
    except ValueError as error:
        return Skipped(name, str(error))
    return ReadingSet(name, "line", [picture for picture, _ in drawn], [text for _, text in drawn], quotable=True)


def _rendered_line(rng: np.random.Generator, faces: Sequence[Face], degraded: bool) -> tuple[Pillow.Image, str]:
    text = sample_text(rng, int(rng.integers(4, 41)))
    look = Look(cap_height=float(rng.uniform(12, 36)), crisp=bool(rng.random() < 0.5))
    block = render_block([text], faces[rng.integers(len(faces))], look)
    picture = degrade(rng, block.picture, block.boxes, float(rng.uniform(0.3, 1.0)))[0] if degraded else block.picture
    return Pillow.fromarray(picture).convert("RGB"), text


def real_lines(folder: Path, kind: str, num_lines: int) -> ReadingSet | Skipped:
    """Line crops whose file names start with `kind`, as `lines.jsonl` (image, text) lists them."""
    name = f"real lines, {kind}"
    listing = folder / "lines" / "lines.jsonl"
    if not listing.is_file():
        return Skipped(name, f"no {listing.name} in the folder of real data")
    rows = [row for row in map(json.loads, listing.read_text().splitlines()) if row["image"].startswith(kind)]
    rows = rows[:num_lines]
    pictures = [open_picture(listing.parent / row["image"]) for row in rows]
    case_sensitive = all(row["case_sensitive"] for row in rows)
    return ReadingSet(name, "line", pictures, [row["text"] for row in rows], case_sensitive)


def scanned_pages(folder: Path) -> ReadingSet | Skipped:
    """Pictures of whole pages that have a text beside them."""
    files = [file for file in sorted((folder / "small_ocr_pages").glob("*.*")) if file.suffix in (".png", ".tif")]
    return _pages("small scanned pages", [(file, open_picture(file)) for file in files])


def pdf_pages(folder: Path) -> ReadingSet | Skipped:
    """First pages of born-digital PDFs; the text layer, kept in a file beside, is the truth."""
    files = sorted((folder / "pdf_pages").glob("*.pdf"))
    return _pages("PDF pages, 144 dpi", [(file, next(open_pages(file, "1", dpi=144))) for file in files])


def _pages(name: str, pages: Sequence[tuple[Path, Pillow.Image]]) -> ReadingSet | Skipped:
    """Those of the pages that have a text of the same name beside them."""
    known = [(file.with_suffix(".txt"), picture) for file, picture in pages if file.with_suffix(".txt").is_file()]
    if not known:
        return Skipped(name, "no such pages in the folder of real data")
    return ReadingSet(name, "page", [picture for _, picture in known], [text.read_text() for text, _ in known])
