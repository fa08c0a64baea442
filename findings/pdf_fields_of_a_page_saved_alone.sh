#!/usr/bin/env bash
# One would guess that a page taken out of a filled PDF form by pypdf shows what was filled in: the field and its appearance
# are annotations of the page and come along. Another reader (MuPDF) shows it. PDFium draws fields only where the document
# has an AcroForm, which stays behind with the first document: the fields come out empty with pypdfium2, also after
# init_forms() and with may_draw_forms=True, and nothing says so. Pictures of forms for OCR training, rendered page by
# page from split files, show blanks where the text layer has words.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pypdf==7.1.1 pypdfium2==5.15.2 pillow==13.0.0 pymupdf==2.0
venv/bin/python - <<'PYTHON'
import io
import sys
from importlib.metadata import version

import pymupdf
import pypdf
import pypdfium2

FILLED = b"<< /Type /XObject /Subtype /Form /BBox [0 0 80 30] /Length 18 >>\nstream\n0 g 0 0 80 30 re f\nendstream"
OBJECTS = [
    b"<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [4 0 R] >> >>",
    b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
    b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 100 50] /Annots [4 0 R] /Resources << >> >>",
    b"<< /Type /Annot /Subtype /Widget /FT /Tx /T (name) /V (Ada) /Rect [10 10 90 40] /AP << /N 5 0 R >> /F 4 >>",
    FILLED,
]


def pdf(objects):
    data, places = b"%PDF-1.7\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(objects) + 1
    return data + b"xref\n0 %d\n%strailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % (size, table, size, len(data))


def page_alone(data):
    writer, file = pypdf.PdfWriter(), io.BytesIO()
    writer.add_page(pypdf.PdfReader(io.BytesIO(data)).pages[0])
    writer.write(file)
    return file.getvalue()


def by_pdfium(data):
    document = pypdfium2.PdfDocument(data)
    document.init_forms()
    return document[0].render(may_draw_forms=True).to_pil().convert("L").getpixel((50, 25))


def by_mupdf(data):
    return pymupdf.open(stream=data).load_page(0).get_pixmap().pixel(50, 25)[0]


form = pdf(OBJECTS)
alone = page_alone(form)
for name in ("pypdf", "pypdfium2", "pymupdf"):
    print(name, version(name))
print("expected: the grey inside the black field is 0 but for the page alone by PDFium, where it is 255")
seen = [by_pdfium(form), by_mupdf(form), by_pdfium(alone), by_mupdf(alone)]
print("whole form: PDFium {}, MuPDF {} | its page alone: PDFium {}, MuPDF {}".format(*seen))
sys.exit(seen != [0, 0, 255, 0])
PYTHON
