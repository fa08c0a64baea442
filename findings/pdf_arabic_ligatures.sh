#!/usr/bin/env bash
# PDFium gives Arabic in the order of reading, although a page has it from left to right. One would guess that the words come out
# right, as most do. Many fonts draw lam and alef as one glyph, whose entry in the PDF (ToUnicode) holds both letters in order.
# PDFium turns each run of letters around after it has put in both, and swaps them: "no" becomes "the", "students" (طلاب) one
# student (طالب), and every word with لا, لأ or لإ is another one. MuPDF swaps them within words; pypdf gives all words as written.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check 2> /dev/null \
    fpdf2==2.8.9 uharfbuzz==0.57.0 matplotlib==3.11.2 pypdfium2==5.15.2 pymupdf==2.0 pypdf==7.1.1
venv/bin/python - 2> /dev/null <<'PYTHON'
import io
import sys
from importlib.metadata import version

import matplotlib
import pymupdf
import pypdf
import pypdfium2
from fpdf import FPDF

for name in ("fpdf2", "uharfbuzz", "pypdfium2", "pymupdf", "pypdf"):
    print(name, version(name))
words = ["كتاب", "مدرسة", "لا", "السلام", "طلاب", "بلاد"]  # book, school; no, peace, students, countries
pdf = FPDF()
pdf.add_page()
pdf.add_font("DejaVu", "", f"{matplotlib.get_data_path()}/fonts/ttf/DejaVuSans.ttf")
pdf.set_font("DejaVu", size=20)
pdf.set_text_shaping(True, direction="rtl")
for word in words:
    pdf.cell(0, 12, word, new_x="LMARGIN", new_y="NEXT")
file = bytes(pdf.output())
found = {
    "PDFium": pypdfium2.PdfDocument(file)[0].get_textpage().get_text_range(),
    "MuPDF": pymupdf.open(stream=file)[0].get_text(),
    "pypdf": pypdf.PdfReader(io.BytesIO(file)).pages[0].extract_text(),
}
found = {name: text.split() for name, text in found.items()}
print("expected:", words)
for name, by in found.items():
    print(f"{name}: {sum(word != one for word, one in zip(words, by, strict=True))} of {len(words)} words differ: {by}")
swapped = [word.replace("\u0644\u0627", "\u0627\u0644") for word in words]  # lam and alef
sys.exit(not (found["PDFium"] == swapped and found["MuPDF"] == [*words[:3], *swapped[3:]] and found["pypdf"] == words))
PYTHON
