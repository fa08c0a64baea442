#!/usr/bin/env bash
# One would guess that Pillow, which opens TIFFs of 16 bits a channel and TIFFs whose channels lie in planes of their
# own, reads a file that is both. It does where the file is compressed. Uncompressed (what tifffile writes by default
# for arrays of 3 x height x width, and other programs as "per channel") it takes the planes for 8 bits: at the right
# size and mode comes the upper half of the picture, every row broken in two and each pixel as the two bytes of its
# sample, one of which is noise unless they are equal. No warning. Look at tag_v2[284] (2 is planes) and tag_v2[258],
# and read such files by tifffile.
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
picture = numpy.zeros((6, 8, 3), numpy.uint8)
picture[..., 0] = numpy.arange(8) * 30
picture[..., 1] = numpy.arange(6)[:, None] * 40
picture[..., 2] = 200
print("expected of all: first row of red", picture[0, :, 0].tolist())
wrong = []
for bits, planes in ((8, picture), (16, picture.astype(numpy.uint16) * 257)):
    planes = numpy.ascontiguousarray(numpy.moveaxis(planes, 2, 0))
    for compression in (None, "zlib"):
        file = io.BytesIO()
        tifffile.imwrite(file, planes, photometric="rgb", compression=compression)
        opened = Image.open(io.BytesIO(file.getvalue()))
        read = numpy.asarray(opened)
        told = f"{bits} bits, {compression or 'no'} compression, planar {opened.tag_v2[284]}: {opened.mode} {opened.size}"
        print(told, "first row of red", read[0, :, 0].tolist())
        if not numpy.array_equal(read, picture):
            wrong.append((bits, compression, read[0, :, 0].tolist(), read[:, 0, 1].tolist()))
sys.exit(0 if wrong == [(16, None, [0, 0, 30, 30, 60, 60, 90, 90], [0, 0, 40, 40, 80, 80])] else 1)
PYTHON
