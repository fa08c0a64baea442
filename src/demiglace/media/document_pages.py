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

MAX_PAGES = 200  # ours
MAX_PAGE_PIXELS = 16_000_000  # ours
DPI = Real(0, 100_000, above=True)

_RANGE = re.compile(r"\s*(\d{1,9})\s*(?:-\s*(\d{1,9})\s*)?")


@dataclass(frozen=True)
class Pages:
    """The pages of an open document. `draw` takes a page number from 1 and returns an upright RGB picture."""

    count: int
    draw: Callable[[int], Image.Image]


def open_pages(
    source: str | PathLike[str] | bytes, pages: str | None = None, dpi: float = 144
) -> Iterator[Image.Image]:
    """The chosen pages of a PDF or TIFF, one after the other, as upright RGB pictures.

    `pages` is 1-based, such as "1-3,7", in the order wanted. None means all pages, at most `MAX_PAGES`.
    Pages are drawn lazily, as `drawable_pages` describes, and the file is closed with the iterator. pdfium is not
    thread-safe.

    Raises ValueError with the first page if the file is not a document, is encrypted or has no pages, or if the range
    is malformed or outside the document. Raises it later for a page that cannot be drawn.
    """
    name = file_name(source)
    with drawable_pages(source, dpi) as drawable:
        if pages is None and (count := drawable.count) > MAX_PAGES:
            raise ValueError(f"{name} has {count} pages, more than {MAX_PAGES}: choose, as in pages='1-{MAX_PAGES}'")
        for number in chosen_pages(pages, drawable.count, name):
            yield drawable.draw(number)


@contextmanager
def drawable_pages(source: str | PathLike[str] | bytes, dpi: float) -> Iterator[Pages]:
    """The pages of a PDF or TIFF; the document is closed on exit.

    PDF pages are drawn at `dpi` with annotations and form fields, or smaller if they would exceed `MAX_PAGE_PIXELS`.
    TIFF pages are not scaled to `dpi`. ValueError as in `open_pages`.
    """
    check_dpi(dpi)
    if is_pdf(source):
        with open_document(source) as pdf:
            yield Pages(len(pdf), partial(_draw_pdf_page, pdf, file_name(source), dpi))
    else:
        with open_header(source) as image:
            frames = page_frames(image, file_name(source))
            yield Pages(len(frames), partial(_draw_frame, image, file_name(source), frames))


@contextmanager
def open_document(source: str | PathLike[str] | bytes) -> Iterator[PdfDocument]:
    """The PDF with its form fields, closed on exit; ValueError if it is not a PDF, is encrypted or has no pages."""
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
    """The number of pages of a PDF; ValueError as in `open_document`."""
    with open_document(source) as pdf:
        return len(pdf)


def is_pdf(source: str | PathLike[str] | bytes) -> bool:
    """Everything but TIFF and DCX is left to pdfium, which knows best what a PDF may look like."""
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
    """Why pdfium does not open `data`; its error code is valid only right after a failed load."""
    from pypdfium2 import raw

    document = raw.FPDF_LoadMemDocument64(data, len(data), None)
    if document:
        raw.FPDF_CloseDocument(document)
        return "has no pages"
    if raw.FPDF_GetLastError() == raw.FPDF_ERR_PASSWORD:
        return "is encrypted and needs a password"
    return "is not a readable PDF"


def chosen_pages(pages: str | None, num_pages: int, name: str) -> list[int]:
    """The page numbers, from 1, in `pages`, such as "1-3,7", in that order; None means all."""
    if pages is None:
        return list(range(1, num_pages + 1))
    numbers: list[int] = []
    for first, last in page_ranges(pages):
        if last > num_pages:
            raise ValueError(f"page {last} is outside {name}, which has {num_pages} pages")
        numbers.extend(range(first, last + 1))
    return numbers


def page_ranges(pages: str) -> list[tuple[int, int]]:
    """First and last page of each range in `pages`, such as "1-3,7"; ValueError if it is malformed."""
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
    """Page `number`, from 1, closed on exit; ValueError if it cannot be loaded, or drawn inside the context."""
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
    """Raises ValueError if `dpi` is not a number above 0, or is higher than any print has."""
    DPI.check("dpi", dpi)


def draw(page: PdfPage, dpi: float) -> Image.Image:
    """The upright page in RGB, at `dpi`, or smaller so that it has at most `MAX_PAGE_PIXELS`."""
    width, height = page.get_size()  # in units, /Rotate applied
    sides = width + height
    # Sides are rounded up, so this is the largest scale with (width scale + 1) (height scale + 1) within the bound.
    most = 2 * (MAX_PAGE_PIXELS - 1) / (sides + math.sqrt(sides**2 + 4 * width * height * (MAX_PAGE_PIXELS - 1)))
    scale = min(dpi / 72 * getattr(page, "user_unit", 1.0), most)
    return page.render(scale=scale, rev_byteorder=True).to_pil()
