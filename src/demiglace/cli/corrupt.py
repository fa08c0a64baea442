"""`demiglace corrupt`: one page corrupted as in training, with the request and its answer, for inspection."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from demiglace.cli.terminal import printable
from demiglace.safe_files import atomic_paths

if TYPE_CHECKING:
    import numpy as np
    import PIL.Image

    from demiglace.documents.corruption.corruption import Level, Target
    from demiglace.documents.page import Page

COLOURS: Mapping[Level, str] = {"clean": "#2a7de1", "low": "#2e9e44", "moderate": "#e08a00", "high": "#d0021b"}
DPI = 144

_WEIGHT = re.compile(r"\s*([a-z]+)\s*(?:=\s*(\d{1,6}(?:\.\d{1,6})?)\s*)?")


@dataclass(frozen=True)
class Corrupted:
    """A page before and after corruption, and its request."""

    page: Page
    picture: np.ndarray
    targets: Sequence[Target]


def corrupt(
    file: Annotated[str, typer.Argument(help="A PDF, or a picture with its text layer beside it.")],
    out: Annotated[Path, typer.Option(help="Folder for page.png, corrupted.png, overlay.png and target.json.")],
    page: Annotated[int, typer.Option(min=1, help="Page of the PDF.")] = 1,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the regions and the damage.")] = 0,
    unit: Annotated[Literal["word", "line", "block"], typer.Option(help="What a region is.")] = "block",
    share: Annotated[float, typer.Option(help="Share of the regions that are corrupted, above 0 and up to 1.")] = 0.5,
    levels: Annotated[
        str, typer.Option(help='Levels to draw, with weights unless equal: "low=2,high"; there is also clean.')
    ] = "low,moderate,high",
    dpi: Annotated[int | None, typer.Option(help=f"Resolution of a rendered PDF page. [default: {DPI}]")] = None,
) -> None:
    """Corrupt text regions of a page at random levels; write it before, after and outlined, with request and answer."""
    import numpy as np

    from demiglace.documents.corruption import corruption
    from demiglace.documents.page import regions

    weights = _weights(levels)
    shown = _page(file, page, dpi)
    targets = corruption.draw_targets(regions(shown, unit), np.random.default_rng((seed, page)), share, weights)
    if not targets:
        raise ValueError(f"{shown.name}: no text to damage")
    corrupted = Corrupted(shown, corruption.corrupt(shown.picture, targets, (seed, page)), targets)
    for path in _write(corrupted, {"seed": seed, "unit": unit}, out):
        typer.echo(printable(str(path)))
    typer.echo(", ".join(f"{level}: {count}" for level, count in _counts(targets).items()))


def _weights(levels: str) -> dict[str, float]:
    """ "low=2,high" as {"low": 2, "high": 1}."""
    matches = [_WEIGHT.fullmatch(item) for item in levels.split(",")]
    named = [(match[1], float(match[2] or 1)) for match in matches if match]
    if len(named) < len(matches) or len(dict(named)) < len(named):
        raise ValueError(f'levels must be names with optional weights, each once, such as "low=2,high", got {levels!r}')
    return dict(named)


def _page(file: str, number: int, dpi: int | None) -> Page:
    from demiglace.documents.text_layer.image_pages import read_image_page
    from demiglace.media.document_pages import is_pdf
    from demiglace.media.pictures import kind_of

    if kind_of(file) == "document":
        if not is_pdf(file):
            raise ValueError(f"{file} has several pages and is no PDF: corrupt takes PDFs and single pictures")
        return _pdf_page(file, number, DPI if dpi is None else dpi)
    if number != 1:
        raise ValueError(f"{file} is one picture: it has no page {number}")
    if dpi is not None:
        raise ValueError(f"{file} is a picture: --dpi {dpi} is for PDFs")
    return read_image_page(file)


def _pdf_page(file: str, number: int, dpi: int) -> Page:
    from demiglace.documents.page import Skipped
    from demiglace.documents.text_layer.pdf_pages import read_pdf

    (page,) = read_pdf(file, str(number), dpi)
    if isinstance(page, Skipped):
        raise ValueError(f"{page.name}: {page.why}")
    return page


def _write(corrupted: Corrupted, drawn_by: Mapping[str, Any], folder: Path) -> list[Path]:
    """Write all four files, or none of them."""
    from PIL import Image

    pictures = {
        "page.png": Image.fromarray(corrupted.page.picture),
        "corrupted.png": Image.fromarray(corrupted.picture),
        "overlay.png": _overlay(corrupted),
    }
    text = json.dumps({**drawn_by, **_target(corrupted)}, ensure_ascii=False, indent=2) + "\n"
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_paths(folder, [*pictures, "target.json"]) as asides:
        for name, picture in pictures.items():
            picture.save(asides[name])
        asides["target.json"].write_text(text, encoding="utf-8")
    return [folder / name for name in asides]


def _target(corrupted: Corrupted) -> dict[str, Any]:
    """The request and the answer, and for each region its corruption."""
    from demiglace.conversation import Text
    from demiglace.documents.corruption.restoration_task import ask_regions, position

    height, width = corrupted.picture.shape[:2]
    conversation = ask_regions(corrupted.picture, corrupted.targets)
    request, answer = (
        "".join(part.text for part in message.content if isinstance(part, Text)) for message in conversation.messages
    )
    regions = [
        {
            "position": position(target.region, width, height),
            "boxes": target.region.boxes,
            "text": target.region.text,
            "severity": target.severity,
            "level": target.level,
        }
        for target in corrupted.targets
    ]
    page = {"name": corrupted.page.name, "width": width, "height": height}
    return {"page": page, "request": request, "answer": answer, "regions": regions}


def _overlay(corrupted: Corrupted) -> PIL.Image.Image:
    """The page before corruption, with targets outlined in the colours of their levels, and a legend below."""
    import numpy as np
    from PIL import Image, ImageDraw, ImageFont

    from demiglace.documents.page import hull

    page = Image.fromarray(corrupted.page.picture)
    size = max(10, page.width // 50)
    overlay = Image.new("RGB", (page.width, page.height + 2 * size), "white")
    overlay.paste(page)
    draw = ImageDraw.Draw(overlay, "RGBA")
    for target in corrupted.targets:
        colour = COLOURS[target.level]
        draw.rectangle(hull(np.array(target.region.boxes, float)), f"{colour}30", colour, max(1, size // 8))
    x, font = size / 2, ImageFont.load_default(size)
    for level, count in _counts(corrupted.targets).items():
        draw.rectangle((x, page.height + size / 2, x + size, page.height + size * 1.5), COLOURS[level])
        draw.text((x + size * 1.3, page.height + size), f"{level}: {count}", "black", font, anchor="lm")
        x += size * 3 + draw.textlength(f"{level}: {count}", font)
    return overlay


def _counts(targets: Sequence[Target]) -> dict[Level, int]:
    counts = Counter(target.level for target in targets)
    return {level: counts[level] for level in COLOURS if counts[level]}
