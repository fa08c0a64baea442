#!/usr/bin/env bash
# Pages of printed journals and of scans have a CropBox: what lies outside is not shown. One would guess that pdfplumber gives
# the words of the page that it renders, at their places in that picture. `page.to_image()` is the cropped page, but words,
# `page.width` and `page.bbox` are those of the whole sheet: boxes are off by what is cut off, unless `draw_rects` draws them,
# and words outside, such as printer's marks, are among them. `page.crop(page.cropbox)` leaves those out, but keeps the numbers
# of the sheet. MuPDF gives what is shown; PDFium and pypdf give the cropped text too.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check 2> /dev/null \
    pdfplumber==0.11.10 pymupdf==2.0 pypdfium2==5.15.2 pypdf==7.1.1 fpdf2==2.8.9 numpy==2.4.6
venv/bin/python - 2> /dev/null <<'PYTHON'
import io
import sys
from importlib.metadata import version

import numpy as np
import pdfplumber
import pymupdf
import pypdf
import pypdfium2
from fpdf import FPDF
from pypdf.generic import RectangleObject

for name in ("pdfplumber", "pymupdf", "pypdfium2", "pypdf"):
    print(name, version(name))
sheet = FPDF(unit="pt", format=(400, 300))
sheet.add_page()
sheet.set_font("Helvetica", size=20)
sheet.text(100, 120, "Shown")
sheet.text(10, 290, "Proof of March 3")
writer = pypdf.PdfWriter(io.BytesIO(bytes(sheet.output())))
writer.pages[0].cropbox = RectangleObject((60, 50, 380, 270))
file = io.BytesIO()
writer.write(file)


def ink(picture):
    """Left, top, right and bottom of what is dark."""
    rows, columns = np.nonzero(np.asarray(picture.convert("L")) < 128)
    return [int(side) for side in (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)]


def box(words):
    return [round(words[0][side]) for side in ("x0", "top", "x1", "bottom")]


page = pdfplumber.open(file).pages[0]
picture = page.to_image(resolution=72).original
cropped = page.crop(page.cropbox)
words, inside = page.extract_words(), cropped.extract_words()
print(f"picture {picture.size}, page {page.width} x {page.height}, words {[word['text'] for word in words]}")
print(f'"Shown" is drawn at {ink(picture)} of the picture; expected about there, its box is {box(words)}')
drawn = {}
for name, part in (("page", page), ("page.crop(page.cropbox)", cropped)):
    image = part.to_image(resolution=72).draw_rects(words[:1], fill=None, stroke=(255, 0, 0))
    red, green, _ = np.asarray(image.annotated.convert("RGB"), int).transpose(2, 0, 1)
    drawn[name] = int(np.nonzero((red - green > 99).any(axis=0))[0].min())
print(f"left side of the box that draw_rects draws: {drawn}; words of page.crop: {[word['text'] for word in inside]}")
texts = {
    "MuPDF": pymupdf.open(stream=file.getvalue())[0].get_text().split(),
    "PDFium": pypdfium2.PdfDocument(file)[0].get_textpage().get_text_range().split(),
    "pypdf": pypdf.PdfReader(file).pages[0].extract_text().split(),
}
print(texts)
off = np.subtract(box(words)[::2], ink(picture)[::2])
same = picture.size == (320, 220) and (page.width, page.height) == (400, 300) and (abs(off - 60) < 3).all()
same &= len(words) == 5 and [word["text"] for word in inside] == ["Shown"]
same &= all(abs(left - 40) < 3 for left in drawn.values()) and box(inside) == box(words)
sys.exit(not (same and [len(text) for text in texts.values()] == [1, 5, 5]))
PYTHON
