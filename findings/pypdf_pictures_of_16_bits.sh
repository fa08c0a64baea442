#!/usr/bin/env bash
# One would guess that page.images of pypdf gives the pictures that the page shows, or an error where it cannot. Samples
# of 16 bits are taken for two of 8: of such a picture, grey or RGB, comes the upper half at the size announced, each
# row broken in two and each sample as its two bytes. A spot colour (Separation over RGB) comes in black and white, and
# Lab as indices without a palette, black. No error and no warning. Render the page (PDFium is right in all of these),
# or look at /BitsPerComponent and /ColorSpace before taking the picture.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pypdf==7.1.1 pypdfium2==5.15.2 pillow==13.0.0 2> /dev/null
venv/bin/python - <<'PYTHON'
import io
import logging
import sys
import warnings
import zlib
from importlib.metadata import version

import pypdf
import pypdfium2

warnings.simplefilter("error")
logging.basicConfig(level=logging.WARNING)
SPOT = b"[/Separation /Spot /DeviceRGB << /FunctionType 2 /Domain [0 1] /C0 [1 1 1] /C1 [1 0 0] /N 1 >>]"
LAB = b"[/Lab << /WhitePoint [0.9505 1 1.089] /Range [-128 127 -128 127] >>]"


def pdf(bits, space, samples):
    def stream(about, data):
        return b"<< %s /Length %d >>\nstream\n%s\nendstream" % (about, len(data), data)

    picture = b"/Type /XObject /Subtype /Image /Width 4 /Height 4 /Filter /FlateDecode"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 4 4] /Contents 4 0 R /Resources << /XObject << /I 5 0 R >> >> >>",
        stream(b"", b"4 0 0 4 0 0 cm /I Do"),
        stream(picture + b" /BitsPerComponent %d /ColorSpace %s" % (bits, space), zlib.compress(samples)),
    ]
    data, places = b"%PDF-1.7\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % place for place in places)
    return data + b"xref\n0 6\n%strailer\n<< /Size 6 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % (table, len(data))


for name in ("pypdf", "pypdfium2"):
    print(name, version(name))


def left_to_right(values, channels=1):  # 4 rows of 4 pixels, each row the same
    return b"".join(value * channels for value in values) * 4


cases = {
    "8-bit grey": (8, b"/DeviceGray", left_to_right([b"\x00", b"\x50", b"\xa0", b"\xf0"])),
    "16-bit grey": (16, b"/DeviceGray", left_to_right([b"\x00\x00", b"\x50\x50", b"\xa0\xa0", b"\xf0\xf0"])),
    "16-bit RGB": (16, b"/DeviceRGB", left_to_right([b"\x00\x00", b"\x50\x50", b"\xa0\xa0", b"\xf0\xf0"], 3)),
    "spot colour": (8, SPOT, left_to_right([b"\xff", b"\xff", b"\x00", b"\x00"])),
    "Lab": (8, LAB, left_to_right([bytes([136, 208, 195])] * 2 + [bytes([136, 80, 70])] * 2)),
}
differ = set()
for name, (bits, space, samples) in cases.items():
    data = pdf(bits, space, samples)
    shown = pypdfium2.PdfDocument(data)[0].render().to_pil().convert("RGB")
    picture = pypdf.PdfReader(io.BytesIO(data)).pages[0].images[0].image
    given = picture.convert("RGB")
    row, wanted = ([each.getpixel((x, 0)) for x in range(4)] for each in (given, shown))
    print(f"{name}: first row by pypdf ({picture.mode}, {picture.size}) {row}\n  on the page {wanted}")
    if max(abs(one - other) for pixel in zip(row, wanted) for one, other in zip(*pixel)) > 8:
        differ.add(name)
print("expected: the same; they differ in", sorted(differ))
sys.exit(0 if differ == set(cases) - {"8-bit grey"} else 1)
PYTHON
