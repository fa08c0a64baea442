#!/usr/bin/env bash
# A PDF may say what its glyphs stand for (/ActualText), as tagged files do. One would guess that where this is what the glyphs say
# anyway, nothing changes. PDFium then cuts the box of the whole span into equal slices, one for each letter, and all of them
# have the origin of the first: the box of the W in "iiiW" is a quarter of the word and holds less than half of the W. Whoever
# cuts letters or words out of a page by these boxes gets other letters. Words that a span holds whole are cut wrongly too.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check pypdfium2==5.15.2 2> /dev/null
"$work/venv/bin/python" - <<'PYTHON'
import sys
from importlib.metadata import version

import pypdfium2

print("pypdfium2", version("pypdfium2"), "PDFium", pypdfium2.PDFIUM_INFO)


def pdf(content):
    bodies = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 200] /Contents 4 0 R /Resources << /Font << /F 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    )
    data, places = b"%PDF-1.7\n", []
    for number, body in enumerate(bodies, 1):
        places.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % place for place in places)
    count = len(bodies) + 1
    return data + b"xref\n0 %d\n%strailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % (count, table, count, len(data))


def widths(content):
    page = pypdfium2.PdfDocument(pdf(content))[0].get_textpage()
    boxes = [page.get_charbox(index) for index in range(page.count_chars())]
    return page.get_text_range(), [round(right - left, 1) for left, _, right, _ in boxes]


plain = widths(b"BT /F 40 Tf 20 100 Td (iiiW) Tj ET")
replaced = widths(b"BT /F 40 Tf 20 100 Td /Span << /ActualText (iiiW) >> BDC (iiiW) Tj EMC ET")
print(f"plain:           {plain[0]!r}, widths of the boxes {plain[1]}")
print(f"with ActualText: {replaced[0]!r}, widths of the boxes {replaced[1]}")
print("expected: the same widths")
same_text = plain[0] == replaced[0] == "iiiW"
is_sliced = max(replaced[1]) - min(replaced[1]) < 0.2 and plain[1][3] > 2 * replaced[1][3] and plain[1][3] > 5 * plain[1][0]
sys.exit(not (same_text and is_sliced))
PYTHON
