#!/usr/bin/env bash
# One would guess that Pillow reads a TIFF of 32-bit unsigned samples (depth maps, detector counts, instance masks) with
# their values, or refuses it, as its mode "I" is signed. It opens the file as "I" without a warning, and every sample of
# 2^31 or more comes out negative: 3,000,000,000 is -1,294,967,296. tifffile reads the values. Brightest becomes
# darkest, a picture that is stretched to its least and largest value is wrong everywhere, and nothing says so.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pillow==13.0.0 tifffile==2026.3.3 numpy==2.4.6
venv/bin/python - <<'PYTHON'
import sys
import warnings
from importlib.metadata import version

import numpy as np
import tifffile
from PIL import Image

warnings.simplefilter("error")
samples = np.array([[0, 1_000_000_000, 3_000_000_000, 4_294_967_295]], np.uint32)
tifffile.imwrite("counts.tif", samples, photometric="minisblack")
picture = Image.open("counts.tif")
seen, theirs = np.asarray(picture).tolist(), tifffile.imread("counts.tif").tolist()

print("pillow", version("pillow"), "tifffile", version("tifffile"))
print("expected: tifffile gives what was written, Pillow -1294967296 and -1 for the last two, without a warning")
print("written:", samples.tolist(), "| tifffile:", theirs, "| Pillow, mode", picture.mode, seen)
sys.exit(not (theirs == samples.tolist() and seen == [[0, 1_000_000_000, -1_294_967_296, -1]]))
PYTHON
