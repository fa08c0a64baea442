#!/usr/bin/env bash
# The label of a chart's y axis, a header of a narrow column or a side note is set from bottom to top. One would guess that
# pdfplumber gives its words, or leaves it out. It reads all text from left to right and from top to bottom, whatever its
# direction: "Total sales 2024" becomes "4202 selas latoT", also in the cells of tables, and so does text upside down. Text from
# top to bottom comes out right. pdfminer.six, on which it rests, writes each letter on a line of its own, from top to bottom
# too. MuPDF, PDFium and pypdf give the words.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check 2> /dev/null \
    pdfplumber==0.11.10 pdfminer.six==20260107 pymupdf==2.0 pypdfium2==5.15.2 pypdf==7.1.1 fpdf2==2.8.9
venv/bin/python - 2> /dev/null <<'PYTHON'
import io
import sys
from importlib.metadata import version

import pdfminer.high_level
import pdfplumber
import pymupdf
import pypdf
import pypdfium2
from fpdf import FPDF

for name in ("pdfplumber", "pdfminer.six", "pymupdf", "pypdfium2", "pypdf"):
    print(name, version(name))


def page(text, angle):
    pdf = FPDF(unit="pt", format=(400, 400))
    pdf.add_page()
    pdf.set_font("Helvetica", size=14)
    with pdf.rotation(angle, 200, 200):
        pdf.text(200, 200, text)
    return io.BytesIO(bytes(pdf.output()))


def in_a_cell(text):
    pdf = FPDF(unit="pt", format=(400, 400))
    pdf.add_page()
    pdf.set_font("Helvetica", size=14)
    for column in range(2):
        pdf.rect(100 + 40 * column, 100, 40, 160)
    with pdf.rotation(90, 124, 240):
        pdf.text(124, 240, text)
    return io.BytesIO(bytes(pdf.output()))


def words(file):
    return {
        "pdfplumber": pdfplumber.open(file).pages[0].extract_text().split(),
        "MuPDF": pymupdf.open(stream=file.getvalue())[0].get_text().split(),
        "PDFium": pypdfium2.PdfDocument(file)[0].get_textpage().get_text_range().split(),
        "pypdf": pypdf.PdfReader(file).pages[0].extract_text().split(),
    }


text, same = "Total sales 2024", True
for angle, seen in ((0, text), (270, text), (90, "4202 selas latoT"), (180, "4202 selas latoT")):
    found = words(page(text, angle))
    print(f"turned by {angle}: expected {text.split()}, {found}")
    same &= found.pop("pdfplumber") == seen.split() and all(other == text.split() for other in found.values())
by_pdfminer = pdfminer.high_level.extract_text(page(text, 90)).split()
print("pdfminer.six, turned by 90:", by_pdfminer)
cell = pdfplumber.open(in_a_cell("Sales 2024")).pages[0].extract_tables()[0][0][0]
print("in a cell of a table, turned by 90:", repr(cell))
sys.exit(not (same and by_pdfminer[:3] == ["4", "2", "0"] and cell.split() == ["4202", "selaS"]))
PYTHON
