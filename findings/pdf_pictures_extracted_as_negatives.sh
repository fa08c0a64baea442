#!/usr/bin/env bash
# A page scanned in black and white is often a stencil in its PDF (an image mask, painted in black), and a PDF may turn the values
# of a picture around (/Decode [1 0]). One would guess that extracting the picture gives what the page shows. Stencils come out
# white on black from PyMuPDF and from pypdfium2, by `get_bitmap` too, and pikepdf does not list them. A grey JPEG with
# /Decode comes out as a negative from `extract_image` of PyMuPDF, from pikepdf and from `extract` of pypdfium2; uncompressed greys
# are right in the first two. Only pypdf gives all as shown. Render the page.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 2> /dev/null \
    pymupdf==2.0 pypdfium2==5.15.2 pikepdf==10.18.0 pypdf==7.1.1 pillow==13.0.0 numpy==2.4.6
"$work/venv/bin/python" - 2> /dev/null <<'PYTHON'
import io
import sys
from importlib.metadata import version

import numpy as np
import pikepdf
import pymupdf
import pypdf
import pypdfium2
from pikepdf import Array, Dictionary, Name
from PIL import Image

for name in ("pymupdf", "pypdfium2", "pikepdf", "pypdf"):
    print(name, version(name))
SIDE = 64
PAPER, INK = (5, 5), (30, 30)
grey = np.full((SIDE, SIDE), 255, np.uint8)
grey[20:40, 20:40] = 0


def jpeg(values):
    data = io.BytesIO()
    Image.fromarray(values).save(data, "JPEG", quality=95)
    return data.getvalue()


TURNED = {"ColorSpace": Name.DeviceGray, "BitsPerComponent": 8, "Decode": Array([1, 0])}
PICTURES = {  # what the PDF holds; the page shows black ink on white paper of all
    "a grey JPEG": (jpeg(grey), {"ColorSpace": Name.DeviceGray, "BitsPerComponent": 8, "Filter": Name.DCTDecode}),
    "a stencil": (np.packbits(grey > 0, axis=1).tobytes(), {"ImageMask": True, "BitsPerComponent": 1}),
    "a JPEG with /Decode [1 0]": (jpeg(255 - grey), {**TURNED, "Filter": Name.DCTDecode}),
    "greys with /Decode [1 0]": ((255 - grey).tobytes(), TURNED),
}


def page_with(data, entries):
    document = pikepdf.new()
    page = document.add_blank_page(page_size=(SIDE, SIDE))
    picture = pikepdf.Stream(document, data)
    entries = {"Type": Name.XObject, "Subtype": Name.Image, "Width": SIDE, "Height": SIDE, **entries}
    for key, value in entries.items():
        picture[f"/{key}"] = value
    page.Resources = Dictionary(XObject=Dictionary(Scan=document.make_indirect(picture)))
    page.Contents = document.make_stream(f"{SIDE} 0 0 {SIDE} 0 0 cm /Scan Do".encode())
    saved = io.BytesIO()
    document.save(saved)
    return saved.getvalue()


def by_pymupdf(data):
    document = pymupdf.open(stream=data)
    return Image.open(io.BytesIO(document.extract_image(document[0].get_images()[0][0])["image"]))


def by_pdfium(data, extract):
    document = pypdfium2.PdfDocument(data)
    page = document[0]
    (picture,) = page.get_objects([3])
    if not extract:
        return picture.get_bitmap().to_pil()
    saved = io.BytesIO()
    picture.extract(saved)
    return Image.open(saved)


def by_pikepdf(data):
    with pikepdf.open(io.BytesIO(data)) as document:
        pictures = list(document.pages[0].get_images().values())
        return pikepdf.PdfImage(pictures[0]).as_pil_image() if pictures else None


WAYS = {
    "the page": lambda data: pypdfium2.PdfDocument(data)[0].render().to_pil(),
    "pypdf": lambda data: pypdf.PdfReader(io.BytesIO(data)).pages[0].images[0].image,
    "PyMuPDF": by_pymupdf,
    "pikepdf": by_pikepdf,
    "pypdfium2, get_bitmap": lambda data: by_pdfium(data, extract=False),
    "pypdfium2, extract": lambda data: by_pdfium(data, extract=True),
}


def look(picture):
    if picture is None:
        return "missing"
    ink, paper = (picture.convert("L").getpixel(point) for point in (INK, PAPER))
    return "right" if ink < 10 and paper > 245 else "negative" if ink > 245 and paper < 10 else "wrong"


seen = {}
for name, (data, entries) in PICTURES.items():
    seen[name] = [look(way(page_with(data, entries))) for way in WAYS.values()]
    print(f"{name}:", ", ".join(f"{way} {result}" for way, result in zip(WAYS, seen[name])))
print("expected: right everywhere")
expected = [
    ["right"] * 6,
    ["right", "right", "negative", "missing", "negative", "negative"],
    ["right", "right", "negative", "negative", "right", "negative"],
    ["right", "right", "right", "right", "right", "negative"],
]
sys.exit(list(seen.values()) != expected)
PYTHON
