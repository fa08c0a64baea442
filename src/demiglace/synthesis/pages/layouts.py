"""Rendered pages of the kinds that are scanned and photographed: articles, tables, forms and receipts.

They are `Page`s with the place of every character, in reading order, so they can be used wherever PDFs are.
Sizes and probabilities are ours.
"""

from __future__ import annotations

from collections.abc import Callable
from textwrap import wrap

import numpy as np

from demiglace.documents.page import Page
from demiglace.synthesis.pages.sheet import Sheet, print_field, set_block, sister_face
from demiglace.typography import field_samples, line_samples
from demiglace.typography.corpus import passage
from demiglace.typography.fonts import Face, sample_face, training_faces
from demiglace.typography.rendering import Rendered
from demiglace.typography.typesetting import Alignment
from demiglace.typography.words import pick

SMALLEST_CAP, LARGEST_CAP = 9.0, 20.0  # cap height of body text, in pixels


def render_layout(rng: np.random.Generator) -> Page:
    """A page of a random kind; the same state of `rng` gives the same page.

    If fonts or prose are missing, raises ValueError that names the extra to install.
    """
    draw = _KINDS[int(rng.integers(len(_KINDS)))]
    sheet = Sheet()
    draw(rng, sheet, float(np.exp(rng.uniform(np.log(SMALLEST_CAP), np.log(LARGEST_CAP)))))
    return sheet.page(draw.__name__, rng)


def article(rng: np.random.Generator, sheet: Sheet, cap: float) -> None:
    """A title, one to three columns of paragraphs under headings, figures with captions, and a page number."""
    face, pitch = sample_face(rng), float(rng.uniform(1.7, 2.4))
    bold = sister_face(rng, face)
    num_columns = int(rng.integers(1, 4))
    length = int(rng.integers(24, 90 // num_columns + 10))
    alignment: Alignment = "justified" if rng.random() < 0.5 else "left"
    title = field_samples.heading(rng, int(rng.integers(12, 45)))
    top = sheet.put(set_block([title], bold, 1.8 * cap), 0, 0) + cap
    top = sheet.put(set_block([field_samples.name(rng, 30)], face, cap), 0, top) + 2 * cap
    left, foot = 0.0, top
    for _ in range(num_columns):
        y, right = top, left + 20 * cap
        for _ in range(int(rng.integers(2, 6))):
            parts = [set_block(_prose(rng, length, int(rng.integers(1, 8))), face, cap, pitch, alignment)]
            if rng.random() < 0.4:
                parts.insert(0, set_block([field_samples.heading(rng, min(30, length))], bold, 1.2 * cap))
            if rng.random() < 0.2:
                parts.insert(0, _caption(rng, "Figure", face, cap, length))
                figure = cap * rng.uniform(4, 12)
                sheet.rule(left, y, left + parts[0].picture.shape[1], y + figure)
                y += round(figure + cap)
            for part in parts:
                y, right = sheet.put(part, left, y) + round(cap), max(right, left + part.picture.shape[1])
        left, foot = right + cap * rng.uniform(1.5, 4), max(foot, y)
    sheet.put(set_block([str(rng.integers(1, 400))], face, cap), left * rng.uniform(0, 0.9), foot + 2 * cap)


def table(rng: np.random.Generator, sheet: Sheet, cap: float) -> None:
    """A caption, a row of headings and rows of cells: names on the left, numbers on the right, ruled or not."""
    face, row_height = sample_face(rng), cap * float(rng.uniform(2.2, 3.5))
    bold = sister_face(rng, face)
    num_rows, num_columns = int(rng.integers(4, 25)), int(rng.integers(2, 7))
    top = sheet.put(_caption(rng, "Table", face, cap, 60), 0, 0) + cap
    kinds = [_CELLS[int(rng.integers(len(_CELLS)))] for _ in range(num_columns)]
    cells = [[set_block([kind(rng)], face, cap) for _, kind in kinds] for _ in range(num_rows)]
    cells.insert(0, [set_block([field_samples.heading(rng, 12)], bold, cap) for _ in kinds])
    widths = [max(row[number].picture.shape[1] for row in cells) for number in range(num_columns)]
    lefts = np.cumsum([0.0, *(width + cap * rng.uniform(1, 4) for width in widths)])
    for i, row in enumerate(cells):
        for number, cell in enumerate(row):
            room = widths[number] - cell.picture.shape[1]
            aligned = room if kinds[number][0] == "right" else 0
            sheet.put(cell, lefts[number] + aligned, top + i * row_height + (row_height - cell.picture.shape[0]) / 2)
    ruled, thick, bottom = rng.random(), max(1.0, cap / 12), top + len(cells) * row_height
    for i in range(len(cells) + 1):
        if ruled < 0.5 or i in (0, 1, len(cells)):
            sheet.rule(-0.5 * cap, top + i * row_height, lefts[-1], top + i * row_height + thick)
    if ruled < 0.3:
        for x in lefts - 0.5 * cap:
            sheet.rule(x, top, x + thick, bottom)


def form(rng: np.random.Generator, sheet: Sheet, cap: float) -> None:
    """A heading and fields, each a printed label and a value, often in another font, on a rule or in a box."""
    face, typed = sample_face(rng), sample_face(rng)
    top = sheet.put(set_block([field_samples.phrase(rng)], sister_face(rng, face), 1.6 * cap), 0, 0) + 2 * cap
    pitch, boxed, indent = cap * float(rng.uniform(2.8, 4.5)), rng.random() < 0.4, cap * float(rng.uniform(10, 18))
    for _ in range(int(rng.integers(5, 18))):
        label, fill = _FIELDS[int(rng.integers(len(_FIELDS)))]
        asked = set_block([label + pick(rng, (":", "", " :"))], face, cap)
        end = max(indent, print_field(sheet, asked, 0, top) + cap)
        right = max(end + 20 * cap, print_field(sheet, set_block([fill(rng)], typed, cap), end, top) + cap)
        sheet.rule(end - 0.5 * cap, top + 2.1 * cap, right, top + 2.1 * cap + 1)
        if boxed:
            sheet.rule(end - 0.5 * cap, top - 0.6 * cap, right, top - 0.6 * cap + 1)
        top = round(top + pitch)
    sheet.put(set_block(_prose(rng, 60, 3), face, max(SMALLEST_CAP, 0.8 * cap)), 0, top + cap)


def receipt(rng: np.random.Generator, sheet: Sheet, cap: float) -> None:
    """A receipt: the shop and its address centred, numbers and dates, goods with prices on the right, totals."""
    mono = [face for face in training_faces() if face.style == "mono"]
    face = mono[int(rng.integers(len(mono)))] if rng.random() < 0.7 else sample_face(rng)
    width, pitch = cap * float(rng.uniform(26, 42)), cap * float(rng.uniform(1.8, 2.6))
    shouted = rng.random() < 0.7

    def shown(text: str) -> Rendered:
        return set_block([(text.upper() if shouted else text).replace("É", "E")], face, cap)

    top = 0.0
    for text in (
        field_samples.name(rng, 24),
        field_samples.address(rng),
        field_samples.phone(rng),
        field_samples.phrase(rng),
    ):
        block = shown(text)
        top = max(top + pitch, sheet.put(block, max(0, (width - block.picture.shape[1]) / 2), top))
    for text in (field_samples.number(rng), field_samples.moment(rng), field_samples.number(rng)):
        sheet.put(shown(text), 0, top)
        top += pitch
    goods = [field_samples.item(rng) for _ in range(int(rng.integers(2, 14)))]
    for text in (
        *goods,
        *(pick(rng, ("TOTAL", "SUBTOTAL", "CASH", "CHANGE", "GST 6%")) for _ in range(3)),
    ):
        end = print_field(sheet, shown(text), 0, top)
        price = shown(field_samples.amount(rng))
        sheet.put(price, max(width - price.picture.shape[1], end + cap), top)
        top += pitch
    sheet.put(shown(field_samples.phrase(rng)), 0.2 * width, top + pitch)


_LayoutKind = Callable[[np.random.Generator, Sheet, float], None]
_KINDS: tuple[_LayoutKind, ...] = (article, article, table, form, receipt, receipt)
_CELLS: tuple[tuple[Alignment, Callable[[np.random.Generator], str]], ...] = (
    ("left", lambda rng: field_samples.name(rng, 22)),
    ("left", lambda rng: line_samples.sample_text(rng, 20)),
    ("left", field_samples.date),
    ("right", field_samples.amount),
    ("right", field_samples.amount),
    ("right", lambda rng: str(rng.integers(0, 10 ** int(rng.integers(1, 7))))),
    ("right", lambda rng: f"{rng.uniform(0, 100):.{rng.integers(1, 4)}f}{pick(rng, ('', '%'))}"),
)
_FIELDS: tuple[tuple[str, Callable[[np.random.Generator], str]], ...] = (
    ("Name", lambda rng: field_samples.name(rng, 30)),
    ("Date", field_samples.date),
    ("Date of birth", field_samples.date),
    ("Address", field_samples.address),
    ("Phone", field_samples.phone),
    ("Amount", field_samples.amount),
    ("Reference no.", field_samples.number),
    ("Subject", lambda rng: field_samples.heading(rng, 30)),
    ("Company", lambda rng: field_samples.name(rng, 24)),
    ("Remarks", lambda rng: _prose(rng, 40, 1)[0]),
)


def _caption(rng: np.random.Generator, kind: str, face: Face, cap: float, length: int) -> Rendered:
    sentence = " ".join(_prose(rng, length, 2))
    lines = wrap(f"{kind} {rng.integers(1, 30)}{pick(rng, ('.', ':'))} {sentence}", length)
    return set_block(lines[:2], face, max(SMALLEST_CAP, 0.9 * cap))


def _prose(rng: np.random.Generator, length: int, most_lines: int) -> list[str]:
    """Lines of at most `length` characters."""
    return wrap(passage(rng, length * most_lines), length)[:most_lines]
