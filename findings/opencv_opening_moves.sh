#!/usr/bin/env bash
# One would guess that a morphological opening keeps part of a shape and adds nothing to it, as by definition, and that
# the shape stays where it is. OpenCV dilates without mirroring the kernel, so with a side of an even length both steps
# move half a pixel to the same side: MORPH_OPEN and MORPH_CLOSE shift all by one pixel to the right or down, and
# MORPH_TOPHAT shows edges where nothing was removed. Recipes that find the rules of tables take kernels of 40 x 1 and
# 1 x 40: their boxes are off by one. SciPy does it right. Take odd lengths, or give dilate the mirrored anchor.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check 2> /dev/null \
    opencv-python-headless==5.0.0.93 scipy==1.17.1 numpy==2.4.6
venv/bin/python - <<'PYTHON'
import sys
from importlib.metadata import version

import cv2
import numpy
from scipy import ndimage

for name in ("opencv-python-headless", "scipy"):
    print(name, version(name))


def box(picture):
    rows, columns = numpy.nonzero(picture)
    return tuple(int(edge) for edge in (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1))


page = numpy.zeros((60, 140), numpy.uint8)
page[20:40, 30:110] = 255
print("expected: the opening of the rectangle", box(page), "by a smaller one is itself, its top hat empty")
same = True
for width, height in ((40, 1), (1, 10), (2, 2), (41, 1), (3, 3)):
    kernel = cv2.getStructuringElement(cv2.MORPH_RECT, (width, height))
    opened = cv2.morphologyEx(page, cv2.MORPH_OPEN, kernel)
    closed = cv2.morphologyEx(page, cv2.MORPH_CLOSE, kernel)
    top_hat = int((cv2.morphologyEx(page, cv2.MORPH_TOPHAT, kernel) > 0).sum())
    mirrored = (width - 1 - width // 2, height - 1 - height // 2)
    by_steps = cv2.dilate(cv2.erode(page, kernel), kernel, anchor=mirrored)
    by_scipy = ndimage.grey_opening(page, size=(height, width))
    print(f"{width} x {height}: opened {box(opened)}, closed {box(closed)}, {top_hat} pixels of top hat;", end=" ")
    print(f"mirrored anchor {box(by_steps)}, SciPy {box(by_scipy)}")
    right, down = int(width % 2 == 0), int(height % 2 == 0)
    moved = (30 + right, 20 + down, 110 + right, 40 + down)
    same &= box(opened) == moved and (top_hat > 0) == bool(right + down)
    same &= box(closed) == moved or (width > 29 and box(closed)[0] == moved[0])
    same &= box(by_steps) == box(by_scipy) == box(page)
sys.exit(0 if same else 1)
PYTHON
