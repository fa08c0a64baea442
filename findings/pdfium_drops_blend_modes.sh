#!/usr/bin/env bash
# One would guess that a text object added to a page with PDFium (pypdfium2: insert_obj, gen_content), as OCR programs add
# an invisible text, leaves the rest of the page as it was: what changes is one more content stream. But gen_content also
# removes resources of the page that its own streams do not name. A form XObject without resources of its own uses the
# page's; a blend mode that only such a form uses is lost. A highlighter that multiplies becomes opaque and hides the print
# below it, and nothing says so. It is not seen on the open page either: only the page opened anew is drawn that way.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pypdfium2==5.15.2 pillow==13.0.0
venv/bin/python - <<'PYTHON'
import ctypes
import io
import sys
from importlib.metadata import version

import pypdfium2
from pypdfium2 import raw

PRINT = b"0 0 1 rg 20 20 60 60 re f /Marker Do"  # a blue square, and a yellow marker over it
MARKER = b"/Multiply gs 1 0.8 0 rg 0 0 100 100 re f"
OBJECTS = [
    b"<< /Type /Catalog /Pages 2 0 R >>",
    b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
    b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 100 100] /Contents 4 0 R /Resources << /XObject << /Marker 5 0 R >> "
    b"/ExtGState << /Multiply << /BM /Multiply >> >> >> >>",
    b"<< /Length %d >> stream\n%s\nendstream" % (len(PRINT), PRINT),
    b"<< /Type /XObject /Subtype /Form /BBox [0 0 100 100] /Length %d >> stream\n%s\nendstream" % (len(MARKER), MARKER),
]


def pdf(objects):
    data, places = b"%PDF-1.7\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(objects) + 1
    return data + b"xref\n0 %d\n%strailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % (size, table, size, len(data))


def colour(page):
    return page.render(rev_byteorder=True).to_pil().convert("RGB").getpixel((50, 50))


document = pypdfium2.PdfDocument(pdf(OBJECTS))
page = document[0]
before = colour(page)
text = raw.FPDFPageObj_NewTextObj(document, b"Helvetica", 10.0)
raw.FPDFText_SetText(text, (ctypes.c_ushort * 5)(*b"text"))
raw.FPDFTextObj_SetTextRenderMode(text, raw.FPDF_TEXTRENDERMODE_INVISIBLE)
raw.FPDFPage_InsertObject(page, text)
page.gen_content()
same_page = colour(page)
file = io.BytesIO()
document.save(file)
saved = colour(pypdfium2.PdfDocument(file.getvalue())[0])
print("pypdfium2", version("pypdfium2"))
print("expected: (0, 0, 0), blue times yellow, before and on the open page; (255, 204, 0), yellow alone, in the saved file")
print("before:", before, "| open page with invisible text:", same_page, "| saved file:", saved)
sys.exit((before, same_page, saved) != ((0, 0, 0), (0, 0, 0), (255, 204, 0)))
PYTHON
