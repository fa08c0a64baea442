#!/usr/bin/env bash
# One would guess that `cv2.imread`, which turns JPEG, PNG and WebP as their EXIF says, turns photographs in AVIF too. An AVIF
# states its rotation and mirroring in the properties irot and imir, which the format tells every reader to apply. OpenCV gives
# the picture as it is coded, on its side or as in a mirror. Pillow says in `getexif()` how to turn it, as for JPEG; libvips
# turns it by itself.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check 2> /dev/null \
    opencv-python-headless==5.0.0.93 pillow==13.0.0 pyvips-binary==8.18.7 pyvips==3.2.0 numpy==2.4.6
venv/bin/python - 2> /dev/null <<'PYTHON'
import sys
from importlib.metadata import version

import cv2
import numpy as np
import pyvips
from PIL import Image, ImageOps

for name in ("opencv-python-headless", "pillow", "pyvips-binary"):
    print(name, version(name))
coded = np.zeros((32, 64, 3), np.uint8)
coded[:16, :32], coded[16:, 32:] = (255, 0, 0), (0, 0, 255)  # red at the top left, blue at the bottom right


def is_close(one, other):
    return one.shape == other.shape and bool((abs(one.astype(int) - other)[4::8, 4::8] < 40).all())


same = True
for kind in ("jpg", "png", "webp", "avif"):
    turned, by_vips = [], []
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        path = f"picture{orientation}.{kind}"
        Image.fromarray(coded).save(path, exif=exif, quality=95)
        upright = np.asarray(ImageOps.exif_transpose(Image.open(path)).convert("RGB"))
        if is_close(cv2.imread(path)[..., ::-1], upright):
            turned.append(orientation)
        if is_close(pyvips.Image.new_from_file(path).autorot().numpy()[..., :3], upright):
            by_vips.append(orientation)
    print(f"{kind}: orientations of 1 to 8 that come upright: OpenCV {turned}, libvips {by_vips}")
    same &= turned == ([1] if kind == "avif" else list(range(1, 9))) and by_vips == list(range(1, 9))
file = open("picture6.avif", "rb").read()
print("rotation in the file picture6.avif:", b"irot" in file, "; EXIF in it:", b"Exif" in file)
sys.exit(not (same and b"irot" in file and b"Exif" not in file))
PYTHON
