#!/usr/bin/env bash
# One would guess that `Dataset.map` leaves columns alone that its function does not return. A function that only looks at a JPEG
# (its width, say) has decoded it, and `datasets` then stores the whole row: the picture is compressed again as JPEG of quality
# 75, whatever quality it had. A function that does not look at the picture, and `filter`, leave the bytes as they were. Each
# further `map` that looks does it once more. `input_columns`, `remove_columns` of the picture, or `cast_column` with
# `decode=False` before it avoids this.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check datasets==5.2.0 pillow==13.0.0 numpy==2.4.6 2> /dev/null
HF_HOME="$work/home" venv/bin/python - <<'PYTHON'
import io
import sys

import datasets
import numpy as np
import PIL
from datasets import Dataset, Features
from PIL import Image, ImageDraw

datasets.disable_progress_bars()
print("datasets", datasets.__version__, "pillow", PIL.__version__)
page = Image.new("RGB", (320, 200), "white")
for line in range(9):
    ImageDraw.Draw(page).text((8, 8 + 20 * line), f"Line {line}: total 12.50 EUR, paid in cash", fill=(160, 0, 0))
file = io.BytesIO()
page.save(file, "JPEG", quality=98, subsampling=0)
data = Dataset.from_dict({"image": [{"bytes": file.getvalue(), "path": None}]}, features=Features({"image": datasets.Image()}))


def stored(data):
    """The bytes that the data set keeps for the picture."""
    return data.cast_column("image", datasets.Image(decode=False))[0]["image"]["bytes"]


def pixels(content):
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB")).astype(int)


original = stored(data)
results = {
    "a function that does not look": data.map(lambda row: {"number": 1}),
    "filter, which looks": data.filter(lambda row: row["image"].width > 1),
    "only its own input column": data.add_column("n", [1]).map(lambda n: {"m": n}, input_columns=["n"]),
    "a function that looks at the width": data.map(lambda row: {"width": row["image"].width}),
}
for name, result in results.items():
    change = np.abs(pixels(stored(result)) - pixels(original))
    print(f"{name}: {len(original)} -> {len(stored(result))} bytes, largest change of a colour {change.max()} of 255")
print("expected: no change by any of them")
*untouched, looked = results.values()
largest = np.abs(pixels(stored(looked)) - pixels(original)).max()
sys.exit(not (all(stored(result) == original for result in untouched) and stored(looked) != original and largest > 30))
PYTHON
