#!/usr/bin/env bash
# One would guess that a column of pictures reads the same with and without a format: `with_format("numpy")` and `"torch"` give
# arrays of what the rows hold. Of a PNG with a palette they give the numbers of its colours as grey, not the colours, of a CMYK
# JPEG four channels of ink, of a 1-bit page True and False: other pictures, or grey ones, go into training. Lists of numbers
# come as float32 in both, and in torch numbers too: a Unix time is off by a minute. Convert each picture, and name the dtype:
# with_format("torch", dtype=torch.float64).
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check datasets==5.2.0 pillow==13.0.0 numpy==2.4.6 2> /dev/null
cat > formats.py <<'PYTHON'
import sys

import datasets
import numpy as np
import PIL.Image
from datasets import Dataset, Image

print("datasets", datasets.__version__, "pillow", PIL.__version__)
RED, TIME = (200, 30, 10), 1764464459.5
picture = PIL.Image.new("RGB", (8, 8), RED)
picture.save("colours.png")
picture.quantize(4).save("palette.png")
picture.convert("CMYK").save("ink.jpg", quality=100)
PIL.Image.new("1", (8, 8), 1).save("page.png")

names = ["colours.png", "palette.png", "ink.jpg", "page.png"]
table = Dataset.from_dict({"image": names}).cast_column("image", Image())
seen = {}
for name, row, formatted in zip(names, table, table.with_format("numpy")):
    array = formatted["image"]
    seen[name] = (array.shape, array.dtype.name, np.atleast_1d(array[4, 4]).tolist())
    print(f"{name}: Pillow shows {row['image'].convert('RGB').getpixel((4, 4))}; with_format('numpy') gives {seen[name]}")
times = Dataset.from_dict({"times": [[TIME, TIME + 1]]}).with_format("numpy")[0]["times"]
off = float(abs(times.astype(float) - [TIME, TIME + 1]).max())
print(f"a list of the times {TIME} and {TIME + 1}: {times.dtype}, off by up to {off} s")
print("expected: the colours that Pillow shows, and times of float64")
same = seen["colours.png"] == ((8, 8, 3), "uint8", list(RED))
same &= seen["palette.png"][0] == (8, 8) and seen["ink.jpg"][0] == (8, 8, 4) and seen["page.png"][1] == "bool"
sys.exit(not (same and times.dtype == np.float32 and off > 10))
PYTHON
HF_HOME="$work/home" HF_HUB_OFFLINE=1 venv/bin/python formats.py
