#!/usr/bin/env bash
# One would guess that two libraries which repair damaged PDFs find the same document in one. Of 859 small files that PDFium draws
# after bytes of them were cut off, overwritten or removed, pypdf knows the unit of the page (/UserUnit) in 499: in the rest it
# finds no page, or the default. What PDFium draws should be described by PDFium, which can save a repaired copy whose objects
# stand as plain text.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check pypdfium2==5.15.2 pypdf==7.1.1 2> /dev/null
"$work/venv/bin/python" - <<'PYTHON'
import io
import logging
import random
import sys
from importlib.metadata import version

import pypdf
import pypdfium2

logging.disable(logging.CRITICAL)
for name in ("pypdfium2", "pypdf"):
    print(name, version(name))
BODIES = (
    b"<< /Type /Catalog /Pages 2 0 R >>",
    b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
    b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 100 200] /UserUnit 2.5 >>",
)


def whole():
    data, places = b"%PDF-1.7\n", []
    for number, body in enumerate(BODIES, 1):
        places.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % place for place in places)
    return data + b"xref\n0 4\n%strailer\n<< /Size 4 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % (table, len(data))


def damaged(data, chance):
    data = bytearray(data)
    kind = chance.randrange(3)
    if kind == 0:
        return bytes(data[: chance.randrange(len(data) // 2, len(data))])
    if kind == 1:
        data[chance.randrange(len(data))] = chance.randrange(256)
        return bytes(data)
    start = chance.randrange(len(data))
    del data[start : start + chance.randint(1, 20)]
    return bytes(data)


def by_pdfium(data):
    """The unit of the first page in the copy that PDFium saves."""
    try:
        copy = io.BytesIO()
        document = pypdfium2.PdfDocument(data)
        document[0].render()
        document.save(copy)
    except pypdfium2.PdfiumError:
        return None
    return b"/UserUnit 2.5" in copy.getvalue()


def by_pypdf(data):
    try:
        return float(pypdf.PdfReader(io.BytesIO(data)).pages[0].user_unit) == 2.5
    except Exception:
        return False


chance = random.Random(0)
files = [damaged(whole(), chance) for _ in range(2000)]
drawn = [data for data in files if by_pdfium(data)]
found = sum(map(by_pypdf, drawn))
print(f"{len(drawn)} of {len(files)} damaged files: PDFium draws the page and knows its unit; pypdf does of {found} of them")
sys.exit(not (by_pypdf(whole()) and len(drawn) > 500 and found < 0.9 * len(drawn)))
PYTHON
