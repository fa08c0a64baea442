#!/usr/bin/env bash
# One would guess that a text extractor marks raised digits, or at least parts them from the number before. Most write them
# right behind it: 10⁵ becomes 105, the revenue 1,234 with footnote 3 becomes 1,2343, and 2½ set as raised 1, slash, lowered 2
# becomes 21/2. Nothing is left to see that. So do MuPDF, pdfplumber and pypdf for PDF, python-docx for DOCX, and Beautiful
# Soup, html2text and markdownify for HTML. The digits can be told apart in what mammoth gives, by markdownify with
# sup_symbol="^", and by bit 0 of the flags of a span in MuPDF's "dict".
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check 2> /dev/null \
    pymupdf==2.0 pdfplumber==0.11.10 pypdf==7.1.1 fpdf2==2.8.9 python-docx==1.2.0 mammoth==1.13.0 \
    html2text==2025.4.15 markdownify==1.2.3 beautifulsoup4==4.15.0
venv/bin/python - 2> /dev/null <<'PYTHON'
import io
import re
import sys
from importlib.metadata import version

import docx
import html2text
import mammoth
import markdownify
import pdfplumber
import pymupdf
import pypdf
from bs4 import BeautifulSoup
from fpdf import FPDF

for name in ("pymupdf", "pdfplumber", "pypdf", "python-docx", "html2text", "markdownify", "beautifulsoup4"):
    print(name, version(name))
page = "<p>Area 10<sup>5</sup> m, revenue 1,234<sup>3</sup> euros, 2<sup>1</sup>/<sub>2</sub> cups</p>"
pdf = FPDF()
pdf.add_page()
pdf.set_font("Helvetica", size=12)
pdf.write_html(page)
pdf = bytes(pdf.output())
document = docx.Document()
paragraph = document.add_paragraph()
for text, kind in re.findall(r"([^<>]+)</?(sup|sub|p)", page.removeprefix("<p>")):
    raised = text.isdigit()
    run = paragraph.add_run(text)
    run.font.superscript, run.font.subscript = raised and kind == "sup", raised and kind == "sub"
document.save("page.docx")
found = {
    "MuPDF": pymupdf.open(stream=pdf)[0].get_text(),
    "pdfplumber": pdfplumber.open(io.BytesIO(pdf)).pages[0].extract_text(),
    "pypdf": pypdf.PdfReader(io.BytesIO(pdf)).pages[0].extract_text(),
    "python-docx": docx.Document("page.docx").paragraphs[0].text,
    "Beautiful Soup": BeautifulSoup(page, "html.parser").get_text(),
    "html2text": html2text.html2text(page),
    "markdownify": markdownify.markdownify(page),
}
print("expected: Area 10⁵ m, revenue 1,234³ euros, 2½ cups, with some mark")
for name, text in found.items():
    print(f"{name}: {' '.join(text.split())}")
blocks = pymupdf.open(stream=pdf)[0].get_text("dict")["blocks"]
spans = [span for block in blocks for line in block["lines"] for span in line["spans"]]
marked = [
    "".join(f"^{span['text']}" if span["flags"] & 1 else span["text"] for span in spans),
    mammoth.convert_to_html("page.docx").value,
    markdownify.markdownify(page, sup_symbol="^"),
]
print("with a mark:", *marked, sep="\n  ")
same = all(re.search(r"Area 105 m, revenue 1,2343 euros, 21/", text) for text in found.values())
sys.exit(not (same and "10^5" in marked[0] and "10<sup>5</sup>" in marked[1] and "10^5^" in marked[2]))
PYTHON
