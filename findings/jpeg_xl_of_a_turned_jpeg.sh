#!/usr/bin/env bash
# A phone's JPEG (EXIF orientation 6) packed without loss as JPEG XL notes the turn in its codestream, which every
# decoder is to obey; EXIF no longer counts. One would guess that a reader gives it upright, as imagecodecs does.
# pillow-jxl-plugin gives the JPEG inside as it is stored, still to be turned by EXIF; a JPEG XL coded from pixels it
# gives upright. So neither "always turn by EXIF" nor "never" is right: it depends on how the file was packed.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet pillow==13.0.0 pillow-jxl-plugin==1.3.8 imagecodecs==2026.3.6 numpy==2.4.6
venv/bin/python - <<'PYTHON'
import sys
import warnings
from importlib.metadata import version

import imagecodecs
import pillow_jxl  # noqa: F401 - registers the format
from PIL import Image

warnings.simplefilter("ignore")
print("pillow-jxl-plugin", version("pillow-jxl-plugin"), "imagecodecs", imagecodecs.__version__)
exif = Image.Exif()
exif[0x0112] = 6
Image.new("RGB", (32, 16), "white").save("phone.jpg", exif=exif)
Image.open("phone.jpg").save("phone.jxl")  # packs the JPEG itself, without loss
opened = Image.open("phone.jxl")
opened.load()
height, width, _ = imagecodecs.jpegxl_decode(open("phone.jxl", "rb").read()).shape
print("expected of both (width, height):", (16, 32))
print("imagecodecs:", (width, height))
print("pillow-jxl-plugin:", opened.size, "with EXIF orientation", opened.getexif().get(0x0112))
sys.exit(0 if (width, height) == (16, 32) and opened.size == (32, 16) else 1)
PYTHON
