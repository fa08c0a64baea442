#!/usr/bin/env bash
# Scanners and word processors turn pages with the entry /Rotate of a PDF. One would guess that the boxes of words that PyMuPDF
# gives lie on the page as it renders it. `get_pixmap` and `page.rect` are turned, but words, blocks and `search_for` give
# places on the page before it was turned. On a page turned by 90 some fall outside the picture; on one turned by 180 all lie
# inside, at the place of other words. `rect * page.rotation_matrix` turns them. pdfplumber turns both.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check 2> /dev/null \
    pymupdf==2.0 pdfplumber==0.11.10 pypdf==7.1.1 fpdf2==2.8.9 numpy==2.4.6
venv/bin/python - 2> /dev/null <<'PYTHON'
import io
import sys
from importlib.metadata import version

import numpy as np
import pdfplumber
import pymupdf
import pypdf
from fpdf import FPDF

for name in ("pymupdf", "pdfplumber"):
    print(name, version(name))
pdf = FPDF(unit="pt", format=(400, 300))
pdf.add_page()
pdf.set_font("Helvetica", size=20)
pdf.text(240, 80, "Word")
file = bytes(pdf.output())


def is_around_the_ink(box, picture):
    rows, columns = np.nonzero(np.asarray(picture) < 128)
    ink = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
    left, top, right, bottom = box
    return bool(left - 2 <= ink[0] and top - 2 <= ink[1] and right + 2 >= ink[2] and bottom + 2 >= ink[3])


same = True
for angle in (0, 90, 180, 270):
    writer = pypdf.PdfWriter(io.BytesIO(file))
    writer.pages[0].rotate(angle)
    turned = io.BytesIO()
    writer.write(turned)
    page = pymupdf.open(stream=turned.getvalue())[0]
    pixels = page.get_pixmap(colorspace=pymupdf.csGRAY)
    picture = np.frombuffer(pixels.samples, np.uint8).reshape(pixels.height, pixels.width)
    box = page.get_text("words")[0][:4]
    fits = is_around_the_ink(box, picture)
    right = is_around_the_ink(pymupdf.Rect(box) * page.rotation_matrix, picture)
    with pdfplumber.open(turned) as other:
        word = other.pages[0].extract_words()[0]
        others = is_around_the_ink([word[side] for side in ("x0", "top", "x1", "bottom")], picture)
    rounded = [round(side) for side in box]
    print(f"turned by {angle}: picture {picture.shape[::-1]}, box {rounded}, expected around the word: {fits}")
    print(f"  box by the rotation matrix around the word: {right}; pdfplumber's box: {others}")
    same &= fits == (angle == 0) and right and others
sys.exit(not same)
PYTHON
