#!/usr/bin/env bash
# Headings are often set with wider gaps between their letters. One would guess that the text of such a PDF is the text that was
# typed, since the file has its spaces. Where a program places the letters one by one (Typst here, Chromium too), PDFium adds spaces
# to them: at 0.12 em here and there within words, "ANN UAL REPORT", and at 0.2 em between all letters. It then returns one space
# between words as well, an added one in place of the file's: where words end is lost. Where the gaps are a setting of the
# PDF (Tc; fpdf2 here), the same look gives the right text. `FPDFText_IsGenerated` tells which spaces were added.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check pypdfium2==5.15.2 typst==0.15.2 fpdf2==2.8.9 2> /dev/null
"$work/venv/bin/python" - <<'PYTHON'
import sys
from importlib.metadata import version

import pypdfium2
import typst
from fpdf import FPDF
from pypdfium2 import raw

for name in ("pypdfium2", "typst", "fpdf2"):
    print(name, version(name))
WORDS, SIZE = "ANNUAL REPORT OF THE BOARD", 12


def text(data):
    """The text of the first page, and how many of its spaces PDFium added."""
    page = pypdfium2.PdfDocument(data)[0].get_textpage()
    found = page.get_text_range().strip()
    return found, sum(raw.FPDFText_IsGenerated(page.raw, index) == 1 for index in range(page.count_chars()))


def by_places(gap):
    page = f"#set page(width: 18cm, height: 3cm)\n#text(size: {SIZE}pt, tracking: {gap}em)[{WORDS}]"
    return text(typst.compile(page.encode()))


def by_setting(gap):
    pdf = FPDF()
    pdf.add_page()
    pdf.set_font("Helvetica", size=SIZE)
    pdf.set_char_spacing(gap * SIZE)
    pdf.cell(text=WORDS)
    return text(bytes(pdf.output()))


print(f"expected: {WORDS!r}, whatever the gaps")
places = {gap: by_places(gap) for gap in (0, 0.12, 0.2)}
setting = {gap: by_setting(gap) for gap in (0, 0.12, 0.2, 0.3)}
for how, found in (("letters placed one by one", places), ("gaps as a setting", setting)):
    for gap, (words, added) in found.items():
        print(f"{how}, {gap} em: {words!r}, {added} spaces added")
single = " ".join(WORDS.replace(" ", ""))
right = all(words == WORDS for words, _ in (places[0], *setting.values()))
lost = places[0.2] == (single, single.count(" "))
sys.exit(not (right and places[0.12][0] == WORDS.replace("ANN", "ANN ", 1) and lost))
PYTHON
