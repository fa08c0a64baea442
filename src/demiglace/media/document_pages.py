"""The pages of a document, as pictures: of a PDF (pdfium) or of a TIFF or DCX (Pillow)."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from os import PathLike
from typing import TYPE_CHECKING

from PIL import Image

from demiglace.fields import Real
from demiglace.media.page_frames import page_frames
from demiglace.media.pictures import file_name, is_paged, open_header, read_bytes, upright_rgb

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument, PdfPage

MAX_PAGES = 200
MAX_PAGE_PIXELS = 16_000_000
DPI = Real(0, 100_000, above=True)

_RANGE = re.compile(r"\s*(\d{1,9})\s*(?:-\s*(\d{1,9})\s*)?")


@dataclass(frozen=True)
class Pages:
    """The pages of an open document. `draw` takes a number from 1 and gives an upright RGB picture."""

    count: int
    draw: Callable[[int], Image.Image]


def open_pages(
    source: str | PathLike[str] | bytes, pages: str | None = None, dpi: float = 144
) -> Iterator[Image.Image]:
    """The chosen pages of a PDF or TIFF one after the other as upright RGB pictures.

    `pages` is 1-based, such as "1-3,7", in the order wanted; None is all of them, at most `MAX_PAGES`.
    Pages are drawn as they are asked for, as `drawable_pages` says, and the file is closed with the iterator; pdfium
    is not made for two threads at once.

    Raises ValueError, when the first page is asked for, on what is no document, is encrypted or has no pages,
    and on a range that is malformed or outside the document; later on a page that cannot be drawn.
    """
    name = file_name(source)
    with drawable_pages(source, dpi) as drawable:
        if pages is None and (count := drawable.count) > MAX_PAGES:
            raise ValueError(f"{name} has {count} pages, more than {MAX_PAGES}: choose, as in pages='1-{MAX_PAGES}'")
        for number in chosen_pages(pages, drawable.count, name):
            yield drawable.draw(number)


@contextmanager
def drawable_pages(source: str | PathLike[str] | bytes, dpi: float) -> Iterator[Pages]:
    """The pages of a PDF or TIFF until the document is closed in the end.

    Those of a PDF are drawn at `dpi` with annotations and form fields, and smaller where they would exceed
    `MAX_PAGE_PIXELS`; those of a TIFF are as large as they are. ValueError as `open_pages` raises it.
    """
    check_dpi(dpi)
    if _is_pdf(source):
        with open_document(source) as pdf:
            yield Pages(len(pdf), partial(_draw_pdf_page, pdf, file_name(source), dpi))
    else:
        with open_header(source) as image:
            frames = page_frames(image, file_name(source))
            yield Pages(len(frames), partial(_draw_frame, image, file_name(source), frames))


@contextmanager
def open_document(source: str | PathLike[str] | bytes) -> Iterator[PdfDocument]:
    """The PDF with its form fields, closed in the end; ValueError on what is no PDF, is encrypted or has no pages."""
    import pypdfium2

    from demiglace.media.pdf_document import FilledPdf

    data = read_bytes(source)
    try:
        pdf = FilledPdf(data)
    except pypdfium2.PdfiumError as error:
        raise ValueError(f"{file_name(source)} {_complaint(data)}") from error
    try:
        yield pdf
    finally:
        pdf.close()


def count_pages(source: str | PathLike[str] | bytes) -> int:
    """ValueError as `open_document` raises it."""
    with open_document(source) as pdf:
        return len(pdf)


def _is_pdf(source: str | PathLike[str] | bytes) -> bool:
    """Whatever is no TIFF is left to pdfium, which knows best what a PDF may look like."""
    try:
        return not is_paged(source)
    except ValueError:
        return True


def _draw_pdf_page(pdf: PdfDocument, name: str, dpi: float, number: int) -> Image.Image:
    with open_page(pdf, number, name) as page:
        return draw(page, dpi)


def _draw_frame(image: Image.Image, name: str, frames: list[int], number: int) -> Image.Image:
    name = f"page {number} of {name}"
    try:
        image.seek(frames[number - 1])
    except Exception as error:  # decoders raise nearly anything on damaged bytes
        raise ValueError(f"{name} cannot be decoded: {error}") from error
    return upright_rgb(image, name)


def _complaint(data: bytes) -> str:
    """Why pdfium does not open `data`; its error code holds only right after a load that failed."""
    from pypdfium2 import raw

    document = raw.FPDF_LoadMemDocument64(data, len(data), None)
    if document:
        raw.FPDF_CloseDocument(document)
        return "has no pages"
    if raw.FPDF_GetLastError() == raw.FPDF_ERR_PASSWORD:
        return "is encrypted and needs a password"
    return "is not a readable PDF"


def chosen_pages(pages: str | None, num_pages: int, name: str) -> list[int]:
    """The page numbers, from 1, that `pages` such as "1-3,7" names, in its order; None names all."""
    if pages is None:
        return list(range(1, num_pages + 1))
    numbers: list[int] = []
    for first, last in page_ranges(pages):
        if last > num_pages:
            raise ValueError(f"page {last} is outside {name}, which has {num_pages} pages")
        numbers.extend(range(first, last + 1))
    return numbers


def page_ranges(pages: str) -> list[tuple[int, int]]:
    """First and last page of each range in "1-3,7"; ValueError where it is malformed."""
    ranges = []
    for part in pages.split(","):
        match = _RANGE.fullmatch(part)
        if match is None:
            raise ValueError(f"pages must look like '1-3,7', got {pages!r}")
        first, last = int(match[1]), int(match[2] or match[1])
        if not 1 <= first <= last:
            raise ValueError(f"page range {part.strip()!r} runs from {first} to {last}; pages count upwards from 1")
        ranges.append((first, last))
    return ranges


@contextmanager
def open_page(pdf: PdfDocument, number: int, name: str) -> Iterator[PdfPage]:
    """Page `number`, from 1, closed in the end; ValueError where it cannot be loaded or drawn meanwhile."""
    import pypdfium2

    try:
        page = pdf[number - 1]
        try:
            yield page
        finally:
            page.close()
    except (pypdfium2.PdfiumError, ZeroDivisionError) as error:
        raise ValueError(f"page {number} of {name} cannot be drawn") from error


def check_dpi(dpi: float) -> None:
    """Raises ValueError where `dpi` is no number above 0, or one beyond all print."""
    DPI.check("dpi", dpi)


def draw(page: PdfPage, dpi: float) -> Image.Image:
    """The upright page in RGB, at `dpi` or so much smaller that it keeps to `MAX_PAGE_PIXELS`."""
    width, height = page.get_size()  # units, /Rotate applied
    sides = width + height
    # Sides are rounded up: the largest scale at which (width scale + 1) (height scale + 1) keeps to the bound.
    most = 2 * (MAX_PAGE_PIXELS - 1) / (sides + math.sqrt(sides**2 + 4 * width * height * (MAX_PAGE_PIXELS - 1)))
    scale = min(dpi / 72 * getattr(page, "user_unit", 1.0), most)
    return page.render(scale=scale, rev_byteorder=True).to_pil()
