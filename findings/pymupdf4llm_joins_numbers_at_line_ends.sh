#!/usr/bin/env bash
# One would guess that an extractor of text takes away a hyphen at the end of a line only where it parts a word. pymupdf4llm,
# and PyMuPDF with the flag TEXT_DEHYPHENATE, take away every one, also before a number: "10-" and "20 kg" on the next line
# become "1020 kg", the years "2019-" and "2024" 20192024, and the date "2024-01-" and "31" 2024-0131. "well-known" becomes one
# word. PyMuPDF without the flag, pypdf, pdfminer.six and PDFium keep the hyphens of numbers; all keep a dash (2019–).
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check 2> /dev/null \
    pymupdf4llm==2.0 pymupdf==2.0 pypdf==7.1.1 pdfminer.six==20260107 pypdfium2==5.15.2 reportlab==5.1.0
venv/bin/python - 2> /dev/null <<'PYTHON'
import contextlib
import io
import sys
from importlib.metadata import version

import pymupdf
import pymupdf4llm
import pypdf
import pypdfium2
from pdfminer.high_level import extract_text
from reportlab.pdfgen.canvas import Canvas

for name in ("pymupdf4llm", "pymupdf", "pypdf", "pdfminer.six", "pypdfium2"):
    print(name, version(name))
LINES = [
    "In the years from 2019-",
    "2024 one parcel weighed 10-",
    "20 kg on average. On 2024-01-",
    "31 the well-",
    "known firm had to pay 300 to 400-",
    "500 euros each. In the years 2015–",
    "2018 it had been less than half.",
]
page = Canvas("page.pdf", pagesize=(300, 200))
page.setFont("Helvetica", 12)
for number, line in enumerate(LINES):
    page.drawString(20, 170 - 15 * number, line)
page.save()


def flags(document):
    return document[0].get_text(flags=pymupdf.TEXTFLAGS_TEXT | pymupdf.TEXT_DEHYPHENATE)


with contextlib.redirect_stdout(io.StringIO()):  # it prints which programs for OCR are there
    markdown = pymupdf4llm.to_markdown("page.pdf")
texts = {
    "pymupdf4llm": markdown,
    "PyMuPDF, TEXT_DEHYPHENATE": flags(pymupdf.open("page.pdf")),
    "PyMuPDF": pymupdf.open("page.pdf")[0].get_text(),
    "pypdf": pypdf.PdfReader("page.pdf").pages[0].extract_text(),
    "pdfminer.six": extract_text("page.pdf"),
    "PDFium": pypdfium2.PdfDocument("page.pdf")[0].get_textpage().get_text_range(),
}
JOINED = "20192024", "1020 kg", "2024-0131", "400500 euros", "20152018"
seen = {}
for name, text in texts.items():
    text = " ".join(text.split())
    seen[name] = [joined for joined in JOINED if joined in text]
    print(f"{name}: {text}")
print("expected: none of", ", ".join(JOINED))
wrong = list(JOINED[:4])
sys.exit(seen != {name: wrong if name in ("pymupdf4llm", "PyMuPDF, TEXT_DEHYPHENATE") else [] for name in texts})
PYTHON
