"""What the reading benchmark reads: lines and pages rendered in fonts kept out of training, and real ones."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image as Pillow
from reading_pages import render_page

from demiglace.data.text_crops.word_corruption import word_spans
from demiglace.documents.corruption.corruption import corrupt, draw_targets
from demiglace.documents.corruption.degradation import degrade
from demiglace.documents.page import Box, Region, hull
from demiglace.inference.page_reading import PAGE_DPI
from demiglace.media.document_pages import open_pages
from demiglace.media.pictures import open_picture
from demiglace.typography.fonts import Face, unseen_faces
from demiglace.typography.line_samples import sample_text
from demiglace.typography.rendering import Rendered, render_block
from demiglace.typography.typesetting import TextStyle

SEED = 45

Wear = Literal["clean", "degraded", "low", "moderate"]  # the last two are levels of corruption


@dataclass(frozen=True)
class ReadingSet:
    """Pictures of one kind and what they say; `unit` is "line" or "page".

    Where the texts are not `case_sensitive` (some truths are written in capitals whatever the picture shows), only
    the rate for any case says something. Only `quotable` texts, our own, may stand in a result that is published.
    """

    unit: str
    pictures: list[Pillow.Image]
    texts: list[str]
    case_sensitive: bool = True
    quotable: bool = False


@dataclass(frozen=True)
class Skipped:
    reason: str


def all_sets(data: Path, lines: int, pages: int) -> dict[str, Callable[[], ReadingSet | Skipped]]:
    """How each set is made, by name: real ones from the folder `data`, none of more than so many lines or pages."""
    return {
        "rendered lines, clean": partial(rendered_lines, lines, "clean"),
        "rendered lines, degraded": partial(rendered_lines, lines, "degraded"),
        "rendered lines, low corruption": partial(rendered_lines, lines, "low"),
        "rendered lines, moderate corruption": partial(rendered_lines, lines, "moderate"),
        "scanned lines, scribe": partial(real_lines, data, "scribe", lines),
        "scanned lines, scribe, low corruption": partial(real_lines, data, "scribe", lines, "low"),
        "scanned lines, scribe, moderate corruption": partial(real_lines, data, "scribe", lines, "moderate"),
        "receipt lines, SROIE": partial(real_lines, data, "sroie", lines),
        "rendered pages, clean": partial(rendered_pages, pages, "clean"),
        "rendered pages, degraded": partial(rendered_pages, pages, "degraded"),
        f"PDF pages, {PAGE_DPI} dpi": partial(pdf_pages, data, pages),
        "scanned pages, scribe": partial(scanned_pages, data / "scribe_ocr_pages", pages),
        "scanned pages, small": partial(scanned_pages, data / "small_ocr_pages", pages),
        "receipts, SROIE": partial(receipts, data, pages),
    }


def rendered_lines(num_lines: int, wear: Wear) -> ReadingSet | Skipped:
    """Lines of 4 to 40 characters in unseen fonts; the same ones for each wear and the same number of lines."""
    rng, chance = np.random.default_rng(SEED), np.random.default_rng(SEED + 1)
    try:
        faces = unseen_faces()
        drawn = [_rendered_line(rng, faces) for _ in range(num_lines)]
    except ValueError as error:
        return Skipped(str(error))
    pictures = [_picture(_worn_line(chance, block, wear)) for block in drawn]
    return ReadingSet("line", pictures, [block.text for block in drawn], quotable=True)


def _rendered_line(rng: np.random.Generator, faces: Sequence[Face]) -> Rendered:
    text = sample_text(rng, int(rng.integers(4, 41)))
    look = TextStyle(cap_height=float(rng.uniform(12, 36)), crisp=bool(rng.random() < 0.5))
    return render_block([text], faces[rng.integers(len(faces))], look)


def _worn_line(rng: np.random.Generator, block: Rendered, wear: Wear) -> np.ndarray:
    """Corrupted as a whole or, as often, word by word, each with a severity of its own within the level."""
    if wear == "clean":
        return block.picture
    if wear == "degraded":
        return _degraded(rng, block, most=1.0)
    words = [hull(block.boxes[span]) for _, span in word_spans(block)]
    return _corrupted(rng, block.picture, [hull(block.boxes)] if rng.random() < 0.5 else words, wear)


def _degraded(rng: np.random.Generator, drawn: Rendered, most: float) -> np.ndarray:
    return degrade(rng, drawn.picture, drawn.boxes, float(rng.uniform(0.3, most)))[0]


def _corrupted(rng: np.random.Generator, picture: np.ndarray, boxes: Sequence[Box], level: str) -> np.ndarray:
    colour = np.repeat(picture[:, :, None], 3, axis=2) if picture.ndim == 2 else picture
    targets = draw_targets([Region("", (box,)) for box in boxes], rng, share=1.0, levels={level: 1.0})
    return corrupt(colour, targets, (int(rng.integers(2**31)),))


def _picture(drawn: np.ndarray) -> Pillow.Image:
    return Pillow.fromarray(drawn).convert("RGB")


def real_lines(folder: Path, kind: str, num_lines: int, wear: Wear = "clean") -> ReadingSet | Skipped:
    """Line crops whose file names start with `kind`, as `lines.jsonl` (image, text) lists them; worn as a whole."""
    listing = folder / "lines" / "lines.jsonl"
    if not listing.is_file():
        return Skipped(f"no {listing.name} in the folder of real data")
    rows = [row for row in map(json.loads, listing.read_text().splitlines()) if row["image"].startswith(kind)]
    rows = rows[:num_lines]
    pictures = [open_picture(listing.parent / row["image"]) for row in rows]
    if wear != "clean":
        rng = np.random.default_rng(SEED)
        wholes = [(0.0, 0.0, float(picture.width), float(picture.height)) for picture in pictures]
        pictures = [
            _picture(_corrupted(rng, np.asarray(picture), [whole], wear))
            for picture, whole in zip(pictures, wholes, strict=True)
        ]
    case_sensitive = all(row["case_sensitive"] for row in rows)
    return ReadingSet("line", pictures, [row["text"] for row in rows], case_sensitive)


def rendered_pages(num_pages: int, wear: Literal["clean", "degraded"]) -> ReadingSet | Skipped:
    """Columns of prose in unseen fonts, clean or degraded; the same pages for both."""
    rng, chance = np.random.default_rng(SEED), np.random.default_rng(SEED + 1)
    try:
        drawn = [render_page(rng, unseen_faces()) for _ in range(num_pages)]
    except ValueError as error:
        return Skipped(str(error))
    # Half of the strength for lines: a page seen from the side is bent by a share of its own height, not of a line's.
    worn = [page.picture if wear == "clean" else _degraded(chance, page, most=0.5) for page in drawn]
    return ReadingSet("page", [_picture(picture) for picture in worn], [page.text for page in drawn])


def scanned_pages(folder: Path, num_pages: int) -> ReadingSet | Skipped:
    """Pictures of whole pages that have a text beside them."""
    known = [file for file in sorted(folder.glob("*.*")) if file.suffix in (".png", ".tif") and _truth(file).is_file()]
    files = spread(known, num_pages)
    return _pages([open_picture(file) for file in files], [_truth(file).read_text() for file in files])


def pdf_pages(folder: Path, num_pages: int) -> ReadingSet | Skipped:
    """First pages of born-digital PDFs; the text layer, kept in a file beside, is the truth."""
    files = spread([file for file in sorted((folder / "pdf_pages").glob("*.pdf")) if _truth(file).is_file()], num_pages)
    pictures = [next(open_pages(file, "1", dpi=PAGE_DPI)) for file in files]
    return _pages(pictures, [_truth(file).read_text() for file in files])


def receipts(folder: Path, num_pages: int) -> ReadingSet | Skipped:
    """Whole receipts; the truth is in capitals, a row of `x1,y1,..,x4,y4,text` for each line from top to bottom."""
    files = spread(sorted((folder / "sroie_receipts").glob("*.jpg")), num_pages)
    rows = [file.with_suffix(".box.csv").read_text().splitlines() for file in files]
    texts = ["\n".join(row.split(",", 8)[8] for row in lines if row.strip()) for lines in rows]
    return _pages([open_picture(file) for file in files], texts, case_sensitive=False)


def _truth(file: Path) -> Path:
    return file.with_suffix(".txt")


def spread(files: Sequence[Path], count: int) -> list[Path]:
    """At most `count` files, evenly from all of them, so that no kind stands for the whole."""
    return [files[i * len(files) // count] for i in range(count)] if count < len(files) else list(files)


def _pages(pictures: list[Pillow.Image], texts: list[str], case_sensitive: bool = True) -> ReadingSet | Skipped:
    if not pictures:
        return Skipped("no such pages in the folder of real data")
    return ReadingSet("page", pictures, texts, case_sensitive)
