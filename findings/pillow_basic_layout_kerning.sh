#!/usr/bin/env bash
# Pillow's basic layout is documented to apply kerning, and getlength() changes with it. One would guess by the amount in the
# font's table. It moves the letters by a 64th of that: FreeType's kerning, in 64ths of a pixel, is rounded to whole pixels
# and then added to an advance that is in 64ths. At 64 pixels an em "AV" is 0.06 pixels closer instead of 4.1, so texts drawn
# by the basic layout have letters as far apart as without kerning.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv venv && venv/bin/pip install --quiet --disable-pip-version-check pillow==13.0.0 fonttools==4.68.0 matplotlib==3.11.2
venv/bin/python - <<'PYTHON'
import sys

import matplotlib
import PIL
from fontTools.ttLib import TTFont
from PIL import ImageFont, features

print("Pillow", PIL.__version__, "FreeType", features.version("freetype2"), "matplotlib", matplotlib.__version__)
path = matplotlib.get_data_path() + "/fonts/ttf/DejaVuSans.ttf"
file = TTFont(path)
names, units, size = file.getBestCmap(), file["head"].unitsPerEm, 640
table = {pair: move for one in file["kern"].kernTables for pair, move in one.kernTable.items()}
font = ImageFont.truetype(path, size, layout_engine=ImageFont.Layout.BASIC)
ratios = []
for pair in ("AV", "To", "LT"):
    first, second = (names[ord(letter)] for letter in pair)
    wanted = table[first, second] * size / units
    moved = font.getlength(pair) - font.getlength(pair[0]) - font.getlength(pair[1])
    ratios.append(wanted / moved)
    print(f"{pair} at {size} pixels an em: the font moves by {wanted:.2f} pixels, Pillow by {moved:.2f}: {ratios[-1]:.1f} times less")
sys.exit(0 if all(62 < ratio < 66 for ratio in ratios) else 1)
PYTHON
