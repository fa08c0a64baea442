#!/usr/bin/env bash
# FPDFText_GetUnicode gives the Unicode of the character at an index, as an unsigned int. One would guess a code point. For letters
# beyond U+FFFF, such as the italic letters that Word and LaTeX set formulas in, PDFium counts two characters and gives each half
# of the pair of UTF-16, on Linux too; both have the same origin and box. `chr` of a half is no letter: the text fails to encode
# later on, or is dropped as unmapped. `get_text_range` gives whole letters, but an index into it is no index of a character:
# after such a letter every box is that of an earlier one.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check pypdfium2==5.15.2 2> /dev/null
"$work/venv/bin/python" - <<'PYTHON'
import sys
from importlib.metadata import version

import pypdfium2
from pypdfium2 import raw

print("pypdfium2", version("pypdfium2"), "PDFium", pypdfium2.PDFIUM_INFO)
CONTENT = b"BT /F 20 Tf 20 100 Td (A=b) Tj ET"
MAP = b"""/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /Map def /CMapType 2 def
1 begincodespacerange <00> <FF> endcodespacerange
1 beginbfchar <41> <D835DC34> endbfchar endcmap end end"""
BODIES = (
    b"<< /Type /Catalog /Pages 2 0 R >>",
    b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
    b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 200] /Contents 4 0 R /Resources << /Font << /F 5 0 R >> >> >>",
    b"<< /Length %d >>\nstream\n%s\nendstream" % (len(CONTENT), CONTENT),
    b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding /ToUnicode 6 0 R >>",
    b"<< /Length %d >>\nstream\n%s\nendstream" % (len(MAP), MAP),
)


def pdf():
    data, places = b"%PDF-1.7\n", []
    for number, body in enumerate(BODIES, 1):
        places.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % place for place in places)
    count = len(BODIES) + 1
    return data + b"xref\n0 %d\n%strailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % (count, table, count, len(data))


text_page = pypdfium2.PdfDocument(pdf())[0].get_textpage()
text = text_page.get_text_range()
codes = [raw.FPDFText_GetUnicode(text_page, index) for index in range(text_page.count_chars())]
boxes = [tuple(round(side) for side in text_page.get_charbox(index)) for index in range(len(codes))]
print(f"text {text!r} of {len(text)} letters; {len(codes)} characters {[hex(code) for code in codes]}")
print(f"box at the index of 'b' in the text: {boxes[text.index('b')]}, box of 'b': {boxes[-1]}")
print("expected: 3 characters, the first 0x1d434")
halves = codes[:2] == [0xD835, 0xDC34] and boxes[0] == boxes[1]
sys.exit(not (halves and text == "\U0001d434=b" and len(codes) == 4 and boxes[text.index("b")] != boxes[-1]))
PYTHON
