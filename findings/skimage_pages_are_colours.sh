#!/usr/bin/env bash
# One would guess that `skimage.io.imread` gives a TIFF of several grey pages as a stack of pages. It does for 2 or 5 pages of one
# size. If there are 3 or 4, the pages become the colours of one picture: page 1 is red, page 2 green, page 3 blue, page 4 alpha. A
# page of another size than the first is left out without a word, so that index 1 is page 3: tifffile, which reads the file,
# gives the first "series", the pages alike, and imageio gives that too. `TiffFile(path).pages` has every page, as Pillow.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check 2> /dev/null \
    scikit-image==0.26.0 tifffile==2026.3.3 imageio==2.38.1 pillow==13.0.0 numpy==2.4.6
venv/bin/python - 2> /dev/null <<'PYTHON'
import sys
from importlib.metadata import version

import imageio.v3 as imageio
import skimage.io
import tifffile
from PIL import Image

for name in ("scikit-image", "tifffile", "imageio", "pillow"):
    print(name, version(name))


def write(name, sizes):
    pages = [Image.new("L", size, 10 * number) for number, size in enumerate(sizes, 1)]
    pages[0].save(name, save_all=True, append_images=pages[1:])


same = True
for count in (2, 3, 4, 5):
    write("scan.tif", [(40, 30)] * count)
    shape = skimage.io.imread("scan.tif").shape
    print(f"{count} grey pages of 40 x 30: expected {(count, 30, 40)}, skimage gives {shape}")
    same &= shape == ((30, 40, count) if count in (3, 4) else (count, 30, 40))
    same &= tifffile.imread("scan.tif").shape == (count, 30, 40)
write("scan.tif", [(40, 30), (30, 40), (40, 30)])
with Image.open("scan.tif") as scan:
    print(f"3 pages with levels 10, 20 and 30, the second one upright: Pillow finds {scan.n_frames}")
    same &= scan.n_frames == 3
for name, pages in (
    ("skimage", skimage.io.imread("scan.tif")),
    ("tifffile", tifffile.imread("scan.tif")),
    ("imageio", imageio.imread("scan.tif")),
):
    levels = [int(page[0, 0]) for page in pages]
    print(f"{name}: shape {pages.shape}, levels {levels}")
    same &= levels == [10, 30]
sys.exit(not same)
PYTHON
