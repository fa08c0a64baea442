#!/usr/bin/env bash
# One would guess that Pillow shows every picture as it is stored and leaves the EXIF orientation to the caller:
# so whoever needs the upright size from the header alone swaps width and height where the tag says 5 to 8.
# A TIFF is different: Image.open already tells the upright size while getexif() still says 6, and load() turns the
# pixels and takes the tag away. Swapping by the tag gives the wrong size for TIFFs, the right one for all else.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv venv && venv/bin/pip install --quiet pillow==13.0.0
venv/bin/python - <<'PYTHON'
import io
import sys

import PIL
from PIL import Image

print("Pillow", PIL.__version__)
exif = Image.Exif()
exif[0x0112] = 6
told = {}
for form in ("JPEG", "PNG", "WEBP", "TIFF"):
    data = io.BytesIO()
    Image.new("RGB", (32, 16), "white").save(data, form, exif=exif)
    size = Image.open(data).size
    tag = Image.open(data).getexif().get(0x0112)
    picture = Image.open(data)
    picture.load()
    told[form] = (size, tag, picture.size, picture.getexif().get(0x0112))
    print(f"{form:4} size {size}, tag {tag}; after load() size {picture.size}, tag {told[form][3]}")
as_stored = ((32, 16), 6, (32, 16), 6)
print("expected of all:", as_stored)
same = told.pop("TIFF") == ((16, 32), 6, (16, 32), None) and set(told.values()) == {as_stored}
sys.exit(0 if same else 1)
PYTHON
