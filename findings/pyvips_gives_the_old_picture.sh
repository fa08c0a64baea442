#!/usr/bin/env bash
# One would guess that opening a file reads it. libvips remembers what it opened by name: `pyvips.Image.new_from_file` of a path
# whose file was written again, with a page of another document or another frame under one temporary name, gives the pixels of
# the old one, also if time and size of the file differ and no picture of it is in use. It gives an error if the file is gone.
# With `revalidate=True`, or after `pyvips.cache_set_max(0)`, or of bytes, it gives the new picture.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check 2> /dev/null \
    pyvips-binary==8.18.7 pyvips==3.2.0 pillow==13.0.0 numpy==2.4.6
venv/bin/python - <<'PYTHON'
import os
import sys
import time
from importlib.metadata import version
from pathlib import Path

import pyvips
from PIL import Image

for name in ("pyvips", "pyvips-binary"):
    print(name, version(name))


def level(picture):
    return int(picture.numpy().flat[0])


same = True
for kind in ("png", "jpg", "tif", "webp"):
    path = f"page.{kind}"
    Image.new("RGB", (64, 64), (20, 20, 20)).save(path)
    first = level(pyvips.Image.new_from_file(path))
    before = os.stat(path)
    time.sleep(1.1)
    Image.new("RGB", (200, 100), (220, 220, 220)).save(path)
    after = os.stat(path)
    again = pyvips.Image.new_from_file(path)
    found = {
        "again": (level(again), again.width),
        "of bytes": level(pyvips.Image.new_from_buffer(Path(path).read_bytes(), "")),
        "revalidate=True": level(pyvips.Image.new_from_file(path, revalidate=True)),
    }
    print(f"{kind}: level {first} and width 64, then 220 and 200 under the same name; opened {found}")
    same &= found == {"again": (first, 64), "of bytes": 220, "revalidate=True": 220} and first < 25
    same &= after.st_mtime > before.st_mtime and after.st_size != before.st_size
pyvips.cache_set_max(0)
for grey in (20, 220):
    Image.new("RGB", (64, 64), (grey, grey, grey)).save("other.png")
    same &= level(pyvips.Image.new_from_file("other.png")) == grey
print("without the cache: each time the new picture")
sys.exit(not same)
PYTHON
