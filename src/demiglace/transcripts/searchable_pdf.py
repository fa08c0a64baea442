"""Pages that were read as a searchable PDF: as they are, with invisible text in the places of their words."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pypdfium2 import PdfDocument, PdfiumError, PdfPage, raw

from demiglace.documents.page import Box
from demiglace.inference.page_reading import open_pages_to_read
from demiglace.inference.page_turn import turned_back
from demiglace.inference.read_page import ReadLine, ReadPage
from demiglace.media.document_pages import is_pdf
from demiglace.media.pictures import kind_of, read_bytes
from demiglace.transcripts.invisible_text import InvisibleText, Matrix, num_codes
from demiglace.transcripts.picture_pages import add_picture
from demiglace.transcripts.upright import upright

_FINE = 1_000_000  # parts of a page's side: pdfium takes whole numbers
_LONGEST = 1000  # pixels of a side, to see whether a page looks as before
_STRAIGHT = 2.0  # times the usual height of its words: a line that is no higher is not skewed


def write_searchable_pdf(target: Path, file: str, pages: Sequence[tuple[int, ReadPage]]) -> list[int]:
    """Write the pages of `file`, which were read, in this order and by their numbers, to `target`.

    Of a PDF all pages in order stay the document that they are; otherwise they are taken out of it, without its form
    and its outline. Pages that were turned to be read are shown turned. Where a page has text already, it gets none.
    ValueError if the file cannot be opened again.

    Returns the numbers of pages that are without the text, since they would look different with it: pdfium drops
    resources of a page that only forms (drawings used by reference) in it use, such as blend modes.
    """
    bare: set[int] = set()
    try:
        while True:
            with _document(file, pages) as pdf, InvisibleText(pdf) as writer:
                written = [index for index in range(len(pages)) if index not in bare]
                changed = {index for index in written if not _add_text(pdf, index, pages[index][1], writer)}
                if not changed:
                    _turn(pdf, [read.turn for _, read in pages])
                    pdf.save(target)
                    return sorted({pages[index][0] for index in bare})
            bare |= changed
    except PdfiumError as error:
        raise ValueError(f"{file} cannot be written as a searchable PDF: {error}") from error


@contextmanager
def _document(file: str, pages: Sequence[tuple[int, ReadPage]]) -> Iterator[PdfDocument]:
    """The pages as a document without the text that was read."""
    numbers = [number for number, _ in pages]
    with ExitStack() as stack:
        if kind_of(file) == "document" and is_pdf(file):
            pdf = stack.enter_context(closing(PdfDocument(read_bytes(file))))
            if numbers != list(range(1, len(pdf) + 1)):
                source, pdf = pdf, stack.enter_context(closing(PdfDocument.new()))
                pdf.import_pages(source, [number - 1 for number in numbers])
        else:
            pdf = stack.enter_context(closing(PdfDocument.new()))
            drawn = dict(stack.enter_context(open_pages_to_read(file)))
            for number in numbers:
                add_picture(pdf, file, number, drawn[number]())
        yield pdf


def _add_text(pdf: PdfDocument, index: int, read: ReadPage, writer: InvisibleText) -> bool:
    """Returns whether the page looks as before."""
    before = _shown(pdf, index)
    with closing(pdf[index]) as page:
        place = _Place.of(page, read)
        texts = [item for region in upright(read).regions for line in region.lines for item in _texts(line)]
        with closing(page.get_textpage()) as present:
            if present.count_chars():
                texts = [item for item in texts if not present.get_text_bounded(*place.bounds(item[1])).strip()]
        for text, box in texts:
            writer.add(page, text, place.matrix(text, box))
        if texts:
            page.gen_content()
    return not texts or np.array_equal(before, _shown(pdf, index))


def _shown(pdf: PdfDocument, index: int) -> np.ndarray:
    """The pixels of a page, at most `_LONGEST` on a side.

    It is opened anew: an open page is drawn with resources that its file has lost.
    """
    with closing(pdf[index]) as page:
        return page.render(scale=min(1.0, _LONGEST / max(page.get_size()))).to_numpy().copy()


def _turn(pdf: PdfDocument, turns: Sequence[int]) -> None:
    for index, turn in enumerate(turns):
        with closing(pdf[index]) as page:
            page.set_rotation((page.get_rotation() + turn) % 360)


def _texts(line: ReadLine) -> Iterator[tuple[str, Box]]:
    """The words of an upright line, with a space behind each that another of its cell follows, and their boxes.

    On a straight line all are as high as the line, so that they have one baseline.
    """
    boxes = np.array([word.box for word in line.words])
    top, bottom = boxes[:, 1].min(), boxes[:, 3].max()
    if bottom - top <= _STRAIGHT * np.median(boxes[:, 3] - boxes[:, 1]):
        boxes[:, 1], boxes[:, 3] = top, bottom
    for word, following, (left, above, right, below) in zip(
        line.words, [*line.words[1:], None], boxes.tolist(), strict=True
    ):
        is_followed = following is not None and following.cell == word.cell
        yield word.text + " " * is_followed, (left, above, right, below)


@dataclass(frozen=True)
class _Place:
    """Where pixels of an upright page are in the units of a PDF page: what is shown may be turned and cropped.

    corner: of the page as it was given, the upper left one; across, down: from there to its other corners.
    """

    read: ReadPage
    corner: np.ndarray
    across: np.ndarray
    down: np.ndarray

    @classmethod
    def of(cls, page: PdfPage, read: ReadPage) -> _Place:
        corner, right, below = (_in_units(page, x, y) for x, y in ((0, 0), (_FINE, 0), (0, _FINE)))
        return cls(read, corner, right - corner, below - corner)

    def matrix(self, text: str, box: Box) -> Matrix:
        """From ems along and above the baseline to units: the words of `text` are as wide as the box."""
        left, top, right, bottom = box
        start = self._point(left, bottom)
        along = (self._point(right, bottom) - start) / num_codes(text.rstrip())
        up = self._point(left, top) - start
        a, b, c, d, e, f = np.concatenate([along, up, start]).tolist()
        return a, b, c, d, e, f

    def bounds(self, box: Box) -> Box:
        """Left, bottom, right and top in units."""
        corners = np.stack([self._point(x, y) for x in box[::2] for y in box[1::2]])
        left, bottom, right, top = np.concatenate([corners.min(axis=0), corners.max(axis=0)]).tolist()
        return left, bottom, right, top

    def _point(self, x: float, y: float) -> np.ndarray:
        x, y, _, _ = turned_back((x, y, x, y), self.read.turn, self.read.width, self.read.height)
        return self.corner + x / self.read.width * self.across + y / self.read.height * self.down


def _in_units(page: PdfPage, x: int, y: int) -> np.ndarray:
    """A point of the page as it is shown, from its upper left in parts of `_FINE`, in units of the page."""
    across, up = ctypes.c_double(), ctypes.c_double()
    raw.FPDF_DeviceToPage(page, 0, 0, _FINE, _FINE, 0, x, y, across, up)
    return np.array([across.value, up.value])
