#!/usr/bin/env bash
# TeX puts no spaces into a PDF, only gaps between words, of a third of the size of the letters. One would guess that extractors
# tell a gap by that size, as pdfminer.six, PDFium, PyMuPDF and pypdf do. pdfplumber takes 3 points for every size: at 9 points
# and below, as in footnotes and the text of many papers, all words of a line become one, and neighbouring numbers one number:
# "12 50" is 1250. `x_tolerance_ratio=0.15` gives the words at every size.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 2> /dev/null \
    pdfplumber==0.11.10 pdfminer.six==20260107 pypdfium2==5.15.2 pymupdf==2.0 pypdf==7.1.1 reportlab==5.1.0
"$work/venv/bin/python" - 2> /dev/null <<'PYTHON'
import io
import sys
from importlib.metadata import version

import pdfplumber
import pymupdf
import pypdf
import pypdfium2
from pdfminer.high_level import extract_text
from reportlab.pdfgen.canvas import Canvas

for name in ("pdfplumber", "pdfminer.six", "pypdfium2", "pymupdf", "pypdf"):
    print(name, version(name))
LINE = "Net price 12 50 of 3 in 2024"


def page(size):
    """The line as TeX writes it: words in one array, with gaps of 333 thousandths of the size between them."""
    data = io.BytesIO()
    canvas = Canvas(data, pagesize=(400, 60))
    text = canvas.beginText(20, 30)
    text.setFont("Times-Roman", size)
    text._code.append("[" + " -333 ".join(f"({word})" for word in LINE.split()) + "] TJ")
    canvas.drawText(text)
    canvas.save()
    return data.getvalue()


def plumbed(data, **options):
    with pdfplumber.open(io.BytesIO(data)) as document:
        return document.pages[0].extract_text(**options)


READERS = {
    "pdfplumber": plumbed,
    "pdfplumber, x_tolerance_ratio=0.15": lambda data: plumbed(data, x_tolerance_ratio=0.15),
    "pdfminer.six": lambda data: extract_text(io.BytesIO(data)),
    "PDFium": lambda data: pypdfium2.PdfDocument(data)[0].get_textpage().get_text_range(),
    "PyMuPDF": lambda data: pymupdf.open(stream=data)[0].get_text(),
    "pypdf": lambda data: pypdf.PdfReader(io.BytesIO(data)).pages[0].extract_text(),
}
SIZES = (6, 8, 9, 10, 12)
seen = {}
for name, read in READERS.items():
    seen[name] = [" ".join(read(page(size)).split()) for size in SIZES]
    print(f"{name}:", ", ".join(f"{size} points {text!r}" for size, text in zip(SIZES, seen[name])))
print("expected:", repr(LINE))
joined = LINE.replace(" ", "")
sys.exit(seen != {name: [joined] * 3 + [LINE] * 2 if name == "pdfplumber" else [LINE] * 5 for name in READERS})
PYTHON
