#!/usr/bin/env bash
# One would guess that Pillow reads grey TIFFs of WhiteIsZero (photometric interpretation 0: scans, X-ray films) the
# right way round whatever their depth. It turns the values of 1, 2, 4 and 8 bits, and leaves those of 16 bits as
# stored: the page is a negative, black paper with white letters, without a warning. tag_v2[262] still says 0, but it
# says so for the 8-bit pictures too, which are upright by then: invert by the tag where the mode is I;16 alone.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pillow==13.0.0 tifffile==2026.3.3 numpy==2.4.6 2> /dev/null
venv/bin/python - <<'PYTHON'
import io
import sys
from importlib.metadata import version

import numpy
import tifffile
from PIL import Image

for name in ("pillow", "tifffile"):
    print(name, version(name))
read = {}
for dtype in (numpy.uint8, numpy.uint16):
    top = int(numpy.iinfo(dtype).max)
    for photometric in ("minisblack", "miniswhite"):
        white = 0 if photometric == "miniswhite" else top
        file = io.BytesIO()
        tifffile.imwrite(file, numpy.array([[white, top - white]], dtype), photometric=photometric)
        picture = Image.open(io.BytesIO(file.getvalue()))
        levels = [picture.getpixel((x, 0)) / top for x in (0, 1)]
        read[dtype.__name__, photometric] = levels
        print(f"{dtype.__name__} {photometric}: mode {picture.mode}, tag {picture.tag_v2[262]}, levels {levels}")
print("expected each time: white, then black: [1.0, 0.0]")
negative = read.pop(("uint16", "miniswhite"))
sys.exit(0 if negative == [0.0, 1.0] and set(map(tuple, read.values())) == {(1.0, 0.0)} else 1)
PYTHON
