#!/usr/bin/env bash
# One would guess that a PDF layer that is switched off hides all that is on it. PDFium hides the content of the page on
# such a layer, as MuPDF does, but draws annotations on it (stamps, notes, fields) all the same: FPDF_ANNOT looks at the
# flags of an annotation and not at its /OC. A reader hides both. Pages rendered by pypdfium2 show "DRAFT" stamps and
# notes that nobody sees in a viewer; whoever renders for OCR must look at /OC of the annotations itself.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pypdfium2==5.15.2 pillow==13.0.0 pymupdf==2.0
venv/bin/python - <<'PYTHON'
import sys
from importlib.metadata import version

import pymupdf
import pypdfium2

STAMP = b"<< /Type /XObject /Subtype /Form /BBox [0 0 30 30] /Length 18 >>\nstream\n0 g 0 0 30 30 re f\nendstream"
CONTENT = b"/OC /Layer BDC 0 g 10 10 30 30 re f EMC"
PAGE = (
    b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 100 50] /Annots [4 0 R] /Contents 7 0 R"
    b" /Resources << /Properties << /Layer 6 0 R >> >> >>"
)


def pdf(state):
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R /OCProperties << /OCGs [6 0 R] /D << /Order [6 0 R] /%s [6 0 R] >> >> >>" % state,
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        PAGE,
        b"<< /Type /Annot /Subtype /Stamp /Rect [60 10 90 40] /AP << /N 5 0 R >> /OC 6 0 R /F 4 >>",
        STAMP,
        b"<< /Type /OCG /Name (a layer) >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(CONTENT), CONTENT),
    ]
    data, places = b"%PDF-1.7\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(objects) + 1
    return data + b"xref\n0 %d\n%strailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % (size, table, size, len(data))


def by_pdfium(data):
    picture = pypdfium2.PdfDocument(data)[0].render().to_pil().convert("L")
    return picture.getpixel((25, 25)), picture.getpixel((75, 25))


def by_mupdf(data):
    picture = pymupdf.open(stream=data).load_page(0).get_pixmap()
    return picture.pixel(25, 25)[0], picture.pixel(75, 25)[0]


for name in ("pypdfium2", "pymupdf"):
    print(name, version(name))
print("expected: grey of content and stamp 0 0 with the layer on; with it off 255 0 by PDFium, 255 255 by MuPDF")
seen = [read(pdf(state)) for state in (b"ON", b"OFF") for read in (by_pdfium, by_mupdf)]
print("layer on: PDFium {}, MuPDF {} | layer off: PDFium {}, MuPDF {}".format(*seen))
sys.exit(seen != [(0, 0), (0, 0), (255, 0), (255, 255)])
PYTHON
