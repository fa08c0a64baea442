#!/usr/bin/env bash
# One would guess that Pillow makes the transparent value of a PNG transparent at every depth, as it does with grey of 1,
# 8 and 16 bits and RGB of 8. Grey of 2 and 4 bits it spreads over 0 to 255 and leaves the transparent value as in the
# file: 3 or 15 are no levels of the picture any more, nothing gets transparent (0 alone does). RGB of 16 bits it cuts to
# the high bytes and compares them with the LOW byte of the value: the background stays, and another colour may vanish.
# Drawings that an optimizer packed keep a background that viewers do not show. Byte 24 of the file is the depth, which
# Pillow does not tell: the level is value * 255 / (2^bits - 1), or value >> 8 for RGB of 16.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pillow==13.0.0 pypng==0.20220715.0 2> /dev/null
venv/bin/python - <<'PYTHON'
import io
import sys
from importlib.metadata import version

import png
from PIL import Image

for name in ("pillow", "pypng"):
    print(name, version(name))
same = True
for bits in (1, 2, 4, 8, 16):
    top = 2**bits - 1
    file = io.BytesIO()
    png.Writer(width=2, height=1, greyscale=True, bitdepth=bits, transparent=top).write(file, [[0, top]])
    _, _, rows, about = png.Reader(bytes=file.getvalue()).asRGBA()
    opaque = 2 ** about["bitdepth"] - 1
    by_pypng = [255 * alpha // opaque for alpha in list(next(iter(rows)))[3::4]]
    picture = Image.open(io.BytesIO(file.getvalue()))
    alpha = [picture.convert("RGBA").getpixel((x, 0))[3] for x in (0, 1)]
    said = picture.info["transparency"]
    print(f"{bits:2} bits: levels {[picture.getpixel((x, 0)) for x in (0, 1)]}, transparent {said},", end=" ")
    print(f"alpha by Pillow {alpha}, by pypng {by_pypng}, expected [255, 0]")
    same &= by_pypng == [255, 0] and alpha == ([255, 255] if bits in (2, 4) else [255, 0])
for painted, transparent, right in ((0x8001, 0x8001, 0), (0x01FF, 0x8001, 255)):
    file = io.BytesIO()
    png.Writer(width=1, height=1, greyscale=False, bitdepth=16, transparent=(transparent,) * 3).write(file, [[painted] * 3])
    by_pypng = 255 * list(next(iter(png.Reader(bytes=file.getvalue()).asRGBA()[2])))[3] // 65535
    alpha = Image.open(io.BytesIO(file.getvalue())).convert("RGBA").getpixel((0, 0))[3]
    print(f"RGB of 16 bits, all {painted:#06x}, transparent {transparent:#06x}:", end=" ")
    print(f"alpha by Pillow {alpha}, by pypng {by_pypng}, expected {right}")
    same &= by_pypng == right and alpha == 255 - right
sys.exit(0 if same else 1)
PYTHON
