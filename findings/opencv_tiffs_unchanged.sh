#!/usr/bin/env bash
# One would guess that `cv2.imread(path, cv2.IMREAD_UNCHANGED)` gives the samples of a TIFF as they are in the file, as of a PNG.
# With alpha of 8 bits OpenCV gives colours that are multiplied by it, beside the alpha, and multiplied without it by the default
# flag; laying such a picture on white multiplies a second time. With 16 bits or floats in planes (PlanarConfiguration 2) three
# neighbours of one plane become the colours of a pixel. With white as zero, 8 bits are inverted and 16 bits are not. The default
# flag reads planes and white as zero rightly, with 8 bits.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check 2> /dev/null \
    opencv-python-headless==5.0.0.93 tifffile==2026.3.3 pillow==13.0.0 numpy==2.4.6
venv/bin/python - 2> /dev/null <<'PYTHON'
import sys
from importlib.metadata import version

import cv2
import numpy as np
import tifffile
from PIL import Image

for name in ("opencv-python-headless", "tifffile", "pillow"):
    print(name, version(name))


def opened(path, flag=cv2.IMREAD_UNCHANGED, at=(0, 1)):
    return cv2.imread(path, flag)[at].tolist()


colour = np.full((4, 4, 4), (200, 80, 40, 128), np.uint8)
Image.fromarray(colour).save("alpha.png")
tifffile.imwrite("alpha.tif", colour, photometric="rgb", extrasamples=["unassalpha"])
print("red 200, green 80, blue 40, alpha 128 as blue, green, red, alpha:")
alpha = {path: (opened(path), opened(path, cv2.IMREAD_COLOR)) for path in ("alpha.png", "alpha.tif")}
for path, (unchanged, default) in alpha.items():
    print(f"  {path}: unchanged {unchanged}, by the default flag {default}")
same = alpha["alpha.png"] == ([40, 80, 200, 128], [40, 80, 200]) and alpha["alpha.tif"] == ([20, 40, 100, 128], [20, 40, 100])

rows, columns = np.mgrid[:6, :6]
planes = np.stack([1000 * columns + colour for colour in (1, 2, 3)]).astype(np.uint16)
expected = planes[::-1, 0, 1].tolist()
found = {}
for layout, samples in (("contig", planes.transpose(1, 2, 0)), ("separate", planes)):
    tifffile.imwrite("planes.tif", samples, photometric="rgb", planarconfig=layout)
    found[layout] = opened("planes.tif")
print(f"16 bits, second pixel of the first row: expected {expected}, pixel by pixel {found['contig']}, in planes {found['separate']}")
same &= found == {"contig": expected, "separate": [5001, 4001, 3001]}

for bits, unchanged, default in ((8, 255, 255), (16, 0, 255)):
    tifffile.imwrite("white.tif", np.zeros((4, 4), f"uint{bits}"), photometric="miniswhite")
    white = opened("white.tif"), opened("white.tif", cv2.IMREAD_GRAYSCALE)
    print(f"white as 0, {bits:2} bits: expected {2**bits - 1}, unchanged {white[0]}; by IMREAD_GRAYSCALE {white[1]}, expected 255")
    same &= white == (unchanged, default)
sys.exit(not same)
PYTHON
