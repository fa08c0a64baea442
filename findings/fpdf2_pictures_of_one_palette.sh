#!/usr/bin/env bash
# One would guess that FPDF.image(picture) places the Pillow picture that it is given. fpdf2 keeps each picture once and
# knows it by a hash of tobytes() alone, which for a picture of a palette is the indices without the colours, and for
# any picture is the bytes without mode and size. Two charts, swatches or icons that were reduced by quantize() and
# differ in colour alone come out in the colours of the first; of two blank areas of one count of pixels the second gets
# the shape of the first. Convert to RGB before, or give a file or its bytes.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check 2> /dev/null \
    fpdf2==2.8.9 pillow==13.0.0 pypdfium2==5.15.2
venv/bin/python - <<'PYTHON'
import sys
from importlib.metadata import version

import pypdfium2
from fpdf import FPDF
from PIL import Image


def swatch(left, right):
    picture = Image.new("RGB", (20, 10), right)
    picture.paste(left, (0, 0, 10, 10))
    return picture


def page_of(pictures):
    pdf = FPDF(unit="pt", format=(100, 40))
    pdf.add_page()
    for place, picture in enumerate(pictures):
        pdf.image(picture, x=10 + 40 * place, y=10, w=20)
    return pypdfium2.PdfDocument(bytes(pdf.output()))[0].render().to_pil().convert("RGB")


def colours(page):
    return [page.getpixel((x, 15)) for x in (15, 25, 55, 65)]


for name in ("fpdf2", "pillow", "pypdfium2"):
    print(name, version(name))
one, other = swatch("red", "white"), swatch("blue", "white")
expected = [(255, 0, 0), (255, 255, 255), (0, 0, 255), (255, 255, 255)]
print("expected:       ", expected)
plain, reduced = colours(page_of([one, other])), colours(page_of([one.quantize(2), other.quantize(2)]))
print("as RGB:         ", plain)
print("after quantize():", reduced)
same = plain == expected and reduced == expected[:2] * 2
wide, high = Image.new("L", (40, 10), 90), Image.new("L", (10, 40), 90)
drawn = page_of([wide, high]).crop((50, 0, 100, 40)).convert("L").point(lambda level: 255 * (level < 200)).getbbox()
drawn = (drawn[2] - drawn[0], drawn[3] - drawn[1])
print("a picture of 10 x 40 after one of 40 x 10, placed with w=20: drawn as", drawn, "and not (20, 30), to the foot of the page")
sys.exit(0 if same and drawn == (20, 5) else 1)
PYTHON
