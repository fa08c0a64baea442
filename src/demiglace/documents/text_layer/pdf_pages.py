"""PDFs -> pages with their text, taken from the text layer where layer and picture agree; no parser, no recognition.

The paper trains on "document images" and "their original text" (section 2.2) and leaves open where the text comes
from; here it comes from the glyphs that the PDF draws. Text that cannot be trusted is left out by whole lines: a line
with one letter missing or wrong would teach the model to read what is not there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from demiglace.documents.page import Line, Page, Skipped, line_of, page_of
from demiglace.documents.segmentation.glyph_lines import find_blocks, find_lines
from demiglace.documents.text_layer.glyph_checks import BESIDE, OVERLAPPING, UNPRINTED, disagreements
from demiglace.documents.text_layer.pdf_glyphs import GENERATED, Glyphs, ink_of, read_glyphs
from demiglace.documents.text_layer.ruled_gaps import ruled_gaps, vertical_edges
from demiglace.media.document_pages import check_dpi, chosen_pages, open_document, open_page

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument

UNEXPLAINED = "beside ink of no character"
LETTERS_APART = "letters apart"
TOO_SMALL = "too small"

# pixels (ours): enlarged, tesseract misreads 10 to 22 % of the letters at 6, 2 to 13 % at 7 and 2 to 4 % at 8
_LEAST_EM = 7.0
_RISE, _FALL = 0.75, 0.25  # em above and below the baseline: least extent of a line
_REACH = 0.6  # em to either side of a line in which foreign ink counts; columns and cells are further apart
_MARGIN = 1.0  # pixels around a glyph's shape that anti-aliasing may tint
_LEAST_DIFFERENCE = 0.03  # em from the gaps between letters to the spaces between words
# em between two words, by what the layer has between them
_LEAST_SPACE = {" ": -0.1, GENERATED: -0.1, "\n": 0.15, "": 0.28}


def read_pdf(path: str | PathLike[str], pages: str | None = None, dpi: int = 144) -> Iterator[Page | Skipped]:
    """Yields the chosen pages of a PDF one by one, each with its text or with the reason why it has none.

    `pages` is 1-based, such as "1-3,7"; None is all of them. A page is rendered at `dpi` as by `open_pages`, and once
    more without its text. A page that is broken, has too many characters, is scanned, or has no line on which layer
    and picture agree is `Skipped`, and the next one follows. `Page.dropped` counts characters, without spaces, by
    reason: those of `glyph_checks.disagreements`, and
    - beside a dropped character: the rest of a line that contains one (with a reason other than `UNPRINTED`);
    - overlapping: a line in which two glyphs overlap, as in formulas and composed accents;
    - beside ink of no character: a line with ink of text around its glyphs that belongs to none of them, as if a
      font's map leaves out ligatures, accents are set on top, or the text has a shadow;
    - letters apart: a line whose letters are set apart, as in some headings: pdfium adds spaces there, and does not
      tell which of them are between words;
    - too small: a line whose letters have an em of less than 7 pixels, which nobody can read.

    Raises ValueError, when the first page is requested, if the file is no PDF, is encrypted or has no pages, on a range
    that is malformed or outside the document, and on a dpi that is not positive. pdfium is not thread-safe.
    """
    check_dpi(dpi)
    name = Path(path).name
    with open_document(path) as pdf:
        for number in chosen_pages(pages, len(pdf), name):
            yield _read(pdf, number, name, dpi)


def _read(pdf: PdfDocument, number: int, file: str, dpi: int) -> Page | Skipped:
    name = f"{file}#{number}"
    try:
        with open_page(pdf, number, file) as opened:
            picture, bare, glyphs = read_glyphs(opened, dpi)
        page = _page(name, picture, bare, glyphs)
    except ValueError as error:
        return Skipped(name, str(error))
    if page.lines:
        return page
    if not page.dropped:
        return Skipped(name, "it has no text layer")
    reasons = ", ".join(f"{count} {why}" for why, count in page.dropped.items())
    return Skipped(name, f"no line of its text layer agrees with the picture ({reasons})")


def _page(name: str, picture: np.ndarray, bare: np.ndarray, glyphs: Glyphs) -> Page:
    ink = ink_of(picture, bare)
    reasons = disagreements(glyphs, ink)
    printed = np.flatnonzero(~np.isin(reasons, UNPRINTED))
    dropped = _letters_by_reason(glyphs.texts, reasons, np.isin(reasons, UNPRINTED))
    rows = [printed[row] for row in find_lines(glyphs.cells[printed], glyphs.baselines[printed], glyphs.ems[printed])]
    edges = vertical_edges(bare)
    cells = [np.split(row, ruled_gaps(glyphs.chosen(row), edges)) for row in rows]
    explained = [row for row, parts in zip(rows, cells, strict=True) for _ in parts]
    rows = [part for parts in cells for part in parts]
    extents = np.array([_extent(glyphs.chosen(row), ink.shape) for row in rows]).reshape(-1, 6)
    lines: list[Line | None] = []
    for row, extent, known in zip(rows, extents, explained, strict=True):
        line = glyphs.chosen(row)
        doubts = _doubts(line, reasons[row], ink, glyphs.boxes[known])
        dropped.update(_letters_by_reason(line.texts, doubts, doubts != ""))
        lines.append(None if doubts.any() else _line(line, extent[:4]))
    return page_of(name, picture, lines, find_blocks(extents[:, :4], extents[:, 4], extents[:, 5]), dropped)


def _letters_by_reason(texts: Sequence[str], reasons: np.ndarray, which: np.ndarray) -> Counter[str]:
    counts: Counter[str] = Counter()
    for text, reason, counted in zip(texts, reasons, which, strict=True):
        if counted:
            counts[str(reason)] += len(text)
    return counts


def _extent(line: Glyphs, size: tuple[int, ...]) -> tuple[float, ...]:
    """Left, top, right, bottom of a line in a picture of `size` (height, width), then its baseline and em."""
    em = float(line.ems.max())
    baseline = float(np.median(line.baselines[line.ems >= 0.9 * em]))
    left = min(line.cells[:, 0].min(), line.boxes[:, 0].min() - _MARGIN)
    right = max(line.cells[:, 1].max(), line.boxes[:, 2].max() + _MARGIN)
    top = min(baseline - _RISE * em, line.boxes[:, 1].min() - _MARGIN)
    bottom = max(baseline + _FALL * em, line.boxes[:, 3].max() + _MARGIN)
    return max(left, 0.0), max(top, 0.0), min(right, size[1]), min(bottom, size[0]), baseline, em


def _doubts(line: Glyphs, reasons: np.ndarray, ink: np.ndarray, known: np.ndarray) -> np.ndarray:
    """The reason why each glyph of the line is dropped; "" for all of them if the line can be trusted.

    known: boxes of its glyphs, and of those across a rule from it.
    """
    if (reasons != "").any():
        return np.where(reasons == "", BESIDE, reasons)
    if line.ems.max() < _LEAST_EM:
        return np.full(len(line), TOO_SMALL)
    if _overlaps(line):
        return np.full(len(line), OVERLAPPING)
    if _has_letters_apart(line):
        return np.full(len(line), LETTERS_APART)
    return np.full(len(line), UNEXPLAINED if _has_unexplained_ink(line, ink, known) else "")


def _overlaps(line: Glyphs) -> bool:
    """Whether two neighbours overlap by more than a quarter em and half of the narrower: more than by kerning."""
    shared = line.cells[:-1, 1] - line.cells[1:, 0]
    widths = line.cells[:, 1] - line.cells[:, 0]
    return bool((shared > np.maximum(0.25 * line.ems.max(), np.minimum(widths[:-1], widths[1:]) / 2)).any())


def _has_letters_apart(line: Glyphs) -> bool:
    """Whether letters or digits are so far apart that spaces added there cannot be told from those between words.

    That is if two in a row, or all of the line, would be words of their own, or if such a space is hardly wider than a
    gap within a word.
    """
    letters = np.array([text.isdigit() or text.lower() != text.upper() for text in line.texts])
    beside, gaps, spaces = letters[1:] & letters[:-1], _gaps(line), _spaces(line)
    apart = beside & spaces & (line.partings[1:] != " ")
    if len(apart) and (apart.all() or (apart[2:] & apart[1:-1] & apart[:-2]).any()):
        return True
    widest = gaps[beside & ~spaces].max(initial=-np.inf)
    return bool(gaps[apart].min(initial=np.inf) < widest + _LEAST_DIFFERENCE)


def _has_unexplained_ink(line: Glyphs, ink: np.ndarray, known: np.ndarray) -> bool:
    """Whether there is ink outside the `known` boxes of glyphs, between the baseline and the height of capitals."""
    left, _, right, _, baseline, em = _extent(line, ink.shape)
    start, upper = max(0, int(left - _REACH * em)), max(0, int(baseline - 0.7 * em))
    inked = ink[upper : int(baseline), start : int(right + _REACH * em)].copy()
    first = (np.floor(known[:, :2] - _MARGIN).astype(int) - (start, upper)).clip(0)
    last = (np.ceil(known[:, 2:] + _MARGIN).astype(int) - (start, upper)).clip(0)
    for (x, y), (end_x, end_y) in zip(first, last, strict=True):
        inked[y:end_y, x:end_x] = False
    return bool(inked.sum() > 1)


def _gaps(glyphs: Glyphs) -> np.ndarray:
    """float64 (glyphs - 1,): em from each glyph of a line to the next one."""
    return (glyphs.cells[1:, 0] - glyphs.cells[:-1, 1]) / glyphs.ems.max()


def _spaces(glyphs: Glyphs) -> np.ndarray:
    """bool (glyphs - 1,): whether there is a space between a glyph of a line and the next one."""
    return _gaps(glyphs) > np.array([_LEAST_SPACE[str(parting)] for parting in glyphs.partings[1:]])


def _line(glyphs: Glyphs, box: np.ndarray) -> Line:
    left, top, right, bottom = box.tolist()
    spaces = [False, *_spaces(glyphs).tolist()]
    starts = np.minimum(glyphs.cells[:, 0], glyphs.boxes[:, 0] - _MARGIN).clip(left, right).tolist()
    stops = np.maximum(glyphs.cells[:, 1], glyphs.boxes[:, 2] + _MARGIN).clip(left, right).tolist()
    pieces: list[tuple[str, float, float]] = []
    for number, text in enumerate(glyphs.texts):
        if spaces[number]:
            pieces.append((" ", stops[number - 1], starts[number]))
        pieces.append((text, starts[number], stops[number]))
    return line_of(pieces, (left, top, right, bottom))
