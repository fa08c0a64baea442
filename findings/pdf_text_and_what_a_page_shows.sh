#!/usr/bin/env bash
# One would guess that the text of a PDF page is the text that can be read on it. What is filled into a form's fields is on the
# page, but pdfplumber, pdfminer.six, PDFium and pypdf give only the labels: "Name: Total:". What lies on a hidden layer, such
# as another language or a draft, is not on the page, but they give it. MuPDF does both rightly, though values come after all
# other text. All pages are rendered with the values and without the layer by PDFium and MuPDF.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check 2> /dev/null \
    pdfplumber==0.11.10 pdfminer.six==20260107 pymupdf==2.0 pypdfium2==5.15.2 pypdf==7.1.1 reportlab==5.1.0 pikepdf==10.18.0
venv/bin/python - 2> /dev/null <<'PYTHON'
import io
import sys
from importlib.metadata import version

import pdfminer.high_level
import pdfplumber
import pikepdf
import pymupdf
import pypdf
import pypdfium2
from reportlab.pdfgen.canvas import Canvas

for name in ("pdfplumber", "pdfminer.six", "pymupdf", "pypdfium2", "pypdf"):
    print(name, version(name))


def filled_form():
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=(400, 300))
    canvas.drawString(20, 250, "Name:")
    canvas.acroForm.textfield(name="name", x=80, y=240, width=150, height=24, value="Lovelace")
    canvas.save()
    return file


def hidden_layer():
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=(400, 300))
    canvas.drawString(20, 250, "Name:")
    canvas.save()
    with pikepdf.open(file) as pdf:
        layer = pdf.make_indirect(pikepdf.Dictionary(Type=pikepdf.Name.OCG, Name="draft"))
        layers = pikepdf.Dictionary(OCGs=[layer], D=pikepdf.Dictionary(OFF=[layer]))
        pdf.Root.OCProperties = layers
        page = pdf.pages[0]
        page.obj.Resources.Properties = pikepdf.Dictionary(L0=layer)
        page.contents_add(b"/OC /L0 BDC BT /F1 12 Tf 80 250 Td (Draft) Tj ET EMC")
        saved = io.BytesIO()
        pdf.save(saved)
    return saved


def ink(file):
    """Number of dark pixels right of the label: by PDFium, by MuPDF."""
    pdf = pypdfium2.PdfDocument(file)
    pdf.init_forms()
    picture = pdf[0].render(may_draw_forms=True).to_pil().convert("L").crop((82, 30, 228, 60))
    pixels = pymupdf.open(stream=file.getvalue())[0].get_pixmap(colorspace=pymupdf.csGRAY, clip=(82, 30, 228, 60))
    return sum(picture.histogram()[:100]), sum(value < 100 for value in pixels.samples)


def texts(file):
    return {
        "pdfplumber": pdfplumber.open(file).pages[0].extract_text().split(),
        "pdfminer.six": pdfminer.high_level.extract_text(file).split(),
        "PDFium": pypdfium2.PdfDocument(file)[0].get_textpage().get_text_range().split(),
        "pypdf": pypdf.PdfReader(file).pages[0].extract_text().split(),
        "MuPDF": pymupdf.open(stream=file.getvalue())[0].get_text().split(),
    }


same = True
for name, file, word, is_shown in (("form", filled_form(), "Lovelace", True), ("layer", hidden_layer(), "Draft", False)):
    shown, found = ink(file), texts(file)
    print(f"{name}: {word!r} is {'' if is_shown else 'not '}shown; dark pixels by PDFium and MuPDF: {shown}")
    for reader, text in found.items():
        print(f"  {reader}: {text}")
    same &= all((dark > 50) == is_shown for dark in shown)
    same &= all(text == ["Name:"] + [word] * (is_shown == (reader == "MuPDF")) for reader, text in found.items())
sys.exit(not same)
PYTHON
