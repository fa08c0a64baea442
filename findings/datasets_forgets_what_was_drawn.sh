#!/usr/bin/env bash
# One would guess that a data set stores the pictures that it is given. `datasets` stores for a PIL picture that was opened from a
# path the path alone: what was drawn, pasted or scaled in place since then (ImageDraw, paste, thumbnail) is left out without a
# warning, when the set is made and in `map`. The same function keeps the changes where the picture came from bytes, as it does
# on a hub or in Parquet, so it works in one place and does nothing in the other. A copy of the picture has no path and is stored.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check datasets==5.2.0 pillow==13.0.0 2> /dev/null
HF_HOME="$work/home" venv/bin/python - <<'PYTHON'
import sys

import datasets
import PIL
from datasets import Dataset, Features
from PIL import Image, ImageDraw

datasets.disable_progress_bars()
print("datasets", datasets.__version__, "pillow", PIL.__version__)
Image.new("RGB", (64, 64), "white").save("white.png")
PICTURE = Features({"image": datasets.Image()})


def blackened(picture):
    ImageDraw.Draw(picture).rectangle((0, 0, 63, 63), fill="black")
    return picture


def colour(data):
    return data[0]["image"].convert("RGB").getpixel((5, 5))


def mapped(stored):
    data = Dataset.from_dict({"image": [stored]}, features=PICTURE)
    return colour(data.map(lambda row: {"image": blackened(row["image"])}))


with open("white.png", "rb") as file:
    content = file.read()
small = Image.open("white.png")
small.thumbnail((8, 8))
drawn = blackened(Image.open("white.png"))
seen = {
    "drawn upon, then stored": colour(Dataset.from_dict({"image": [drawn]}, features=PICTURE)),
    "a copy of it stored": colour(Dataset.from_dict({"image": [drawn.copy()]}, features=PICTURE)),
    "drawn upon in map, of a path": mapped("white.png"),
    "drawn upon in map, of bytes": mapped({"bytes": content, "path": None}),
}
for name, value in seen.items():
    print(f"{name}: {value}")
size = Dataset.from_dict({"image": [small]}, features=PICTURE)[0]["image"].size
print(f"scaled in place to {small.size}, then stored: {size}")
print("expected everywhere: black (0, 0, 0), and (8, 8)")
white, black = (255, 255, 255), (0, 0, 0)
sys.exit(not (list(seen.values()) == [white, black, white, black] and size == (64, 64)))
PYTHON
