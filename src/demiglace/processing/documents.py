"""The pages of a PDF, as pictures (pdfium)."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from os import PathLike
from typing import TYPE_CHECKING

from demiglace.processing.pictures import name_of, read_bytes

if TYPE_CHECKING:
    from PIL import Image
    from pypdfium2 import PdfDocument

MAX_PAGES = 200
MAX_PAGE_PIXELS = 16_000_000

_RANGE = re.compile(r"\s*(\d{1,9})\s*(?:-\s*(\d{1,9})\s*)?")


def open_pages(
    source: str | PathLike[str] | bytes, pages: str | None = None, dpi: float = 144
) -> Iterator[Image.Image]:
    """The chosen pages one after the other as upright RGB pictures, drawn at `dpi` with annotations and form fields.

    `pages` is 1-based, such as "1-3,7", in the order wanted; None is all of them, at most `MAX_PAGES`.
    A page that would exceed `MAX_PAGE_PIXELS` is drawn smaller, at the bound. Pages are drawn as they are asked for,
    and the file is closed with the iterator; pdfium is not made for two threads at once.

    Raises ValueError, when the first page is asked for, on what is no PDF, is encrypted or has no pages,
    and on a range that is malformed or outside the document; later on a page that cannot be drawn.
    """
    if not 0 < dpi < math.inf:
        raise ValueError(f"dpi must be positive, got {dpi}")
    pdf = _open(source)
    try:
        pdf.init_forms()
        for number in _chosen(pages, len(pdf), name_of(source)):
            yield _draw(pdf, number, dpi, name_of(source))
    finally:
        pdf.close()


def _open(source: str | PathLike[str] | bytes) -> PdfDocument:
    import pypdfium2

    data = read_bytes(source)
    try:
        return pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        raise ValueError(f"{name_of(source)} {_complaint(data)}") from error


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


def _chosen(pages: str | None, num_pages: int, name: str) -> list[int]:
    """Page numbers from 1."""
    if pages is None:
        if num_pages > MAX_PAGES:
            raise ValueError(
                f"{name} has {num_pages} pages, more than {MAX_PAGES}: choose, as in pages='1-{MAX_PAGES}'"
            )
        return list(range(1, num_pages + 1))
    numbers: list[int] = []
    for part in pages.split(","):
        match = _RANGE.fullmatch(part)
        if match is None:
            raise ValueError(f"pages must look like '1-3,7', got {pages!r}")
        first, last = int(match[1]), int(match[2] or match[1])
        if not 1 <= first <= last:
            raise ValueError(f"page range {part.strip()!r} runs from {first} to {last}; pages count upwards from 1")
        if last > num_pages:
            raise ValueError(f"page {last} is outside {name}, which has {num_pages} pages")
        numbers.extend(range(first, last + 1))
    return numbers


def _draw(pdf: PdfDocument, number: int, dpi: float, name: str) -> Image.Image:
    import pypdfium2

    try:
        page = pdf[number - 1]
        try:
            width, height = page.get_size()  # points of 1/72 inch, /Rotate applied
            scale = min(dpi / 72, math.sqrt(MAX_PAGE_PIXELS / (width * height)))
            return page.render(scale=scale, rev_byteorder=True).to_pil()
        finally:
            page.close()
    except (pypdfium2.PdfiumError, ZeroDivisionError) as error:
        raise ValueError(f"page {number} of {name} cannot be drawn") from error
