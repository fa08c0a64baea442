#!/usr/bin/env bash
# Scanned pages often have one bit a pixel, and charts a palette. One would guess that `resize`, `thumbnail` and `rotate` of
# Pillow use the filter that is asked for. For the modes "1" and "P" they take the nearest pixel, without a warning: of a page
# made smaller by 4 one pixel in 16 is kept, and thin strokes are there or not by where they lie. Of six rules of a form three
# are left, where BOX or LANCZOS shows all in grey. A `convert("L")` or `convert("RGB")` before, not after, gives the filter.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pillow==13.0.0 numpy==2.4.6 2> /dev/null
venv/bin/python - 2> /dev/null <<'PYTHON'
import sys
from importlib.metadata import version

import numpy as np
from PIL import Image
from PIL.Image import Resampling

print("pillow", version("pillow"))
form = np.full((400, 800), 255, np.uint8)
form[50:350:50] = 0  # six rules, one pixel high
page = Image.fromarray(form)


def rules(picture):
    return int((np.asarray(picture.convert("L")).min(axis=1) < 240).sum())


same = True
for mode in ("L", "1", "P"):
    picture = page.convert(mode)
    resized = picture.resize((200, 100), Resampling.BOX)
    thumbnail = picture.copy()
    thumbnail.thumbnail((200, 100), Resampling.BOX)
    converted = picture.convert("L").resize((200, 100), Resampling.BOX)
    by_nearest = picture.convert("L").resize((200, 100), Resampling.NEAREST)
    is_nearest = np.array_equal(resized.convert("L"), by_nearest)
    greys = len(picture.rotate(1, Resampling.BICUBIC).convert("L").getcolors())
    counts = [rules(one) for one in (resized, thumbnail, converted)]
    print(f"{mode}: rules, expected 6: resized {counts[0]}, thumbnail {counts[1]}, converted to L and resized {counts[2]}")
    print(f"  resized as by NEAREST: {is_nearest}; levels after a rotation by BICUBIC: {greys}")
    seen = ([6, 6, 6], False) if mode == "L" else ([3, 3, 6], True)
    same &= (counts, is_nearest) == seen and (greys > 2) == (mode == "L")
sys.exit(not same)
PYTHON
