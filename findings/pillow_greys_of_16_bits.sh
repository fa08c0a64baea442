#!/usr/bin/env bash
# `image.convert("RGB")` gives any picture in 8 bits, and most programs load pictures by it, `load_image` of transformers too. One
# would guess that it scales: it does for RGB of 16 bits. A grey PNG or TIFF of 16 bits, as scanners and microscopes write them,
# it cuts off at 255: all but the darkest 256 of 65536 greys become white, without a warning. `convert("L")` does the same.
# Scale by hand where the mode begins with "I": divide by 257.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv venv && venv/bin/pip install --quiet --disable-pip-version-check pillow==13.0.0 numpy==2.4.6 transformers==5.24.0
venv/bin/python - 2> /dev/null <<'PYTHON'
import sys

import numpy as np
import PIL
import transformers
from PIL import Image
from transformers.image_utils import load_image

print(f"Pillow {PIL.__version__}, transformers {transformers.__version__}")
scaled = [0, 32, 64, 128, 192, 255]
greys = np.array([scaled], np.uint16) * 257
seen = []
for name in ("grey.png", "grey.tif"):
    Image.fromarray(greys).save(name)
    picture = Image.open(name)
    for how, converted in (
        ('convert("RGB")', picture.convert("RGB")), ('convert("L")', picture.convert("L")), ("load_image", load_image(name))
    ):
        seen.append(np.asarray(converted.convert("L"))[0].tolist())
        print(f"{name}, mode {picture.mode}, {how}: {seen[-1]}, expected {scaled}")
sys.exit(any(one != [0, 255, 255, 255, 255, 255] for one in seen))
PYTHON
