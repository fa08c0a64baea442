#!/usr/bin/env bash
# matplotlib ships Computer Modern (cmr10.ttf and six more), and their character maps have all of printable ASCII. One would
# guess that each code point is drawn as the character it is. The maps are TeX's OT1 encoding passed off as Unicode: `<` is
# drawn as an inverted exclamation mark, `{` as a dash, `_` as a dot above. Whoever checks a font for missing glyphs sees
# none; text drawn in these files is wrong in eight of its characters.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv venv && venv/bin/pip install --quiet --disable-pip-version-check matplotlib==3.11.2 fonttools==4.68.0
venv/bin/python - <<'PYTHON'
import sys
from importlib.metadata import version
from pathlib import Path

import matplotlib
from fontTools.agl import UV2AGL
from fontTools.ttLib import TTFont

print("matplotlib", version("matplotlib"), "fonttools", version("fonttools"))
font = TTFont(Path(matplotlib.get_data_path(), "fonts/ttf/cmr10.ttf"))
drawn = {chr(code): name for code, name in font.getBestCmap().items() if 32 <= code < 127}
print(f"printable ASCII in the map of cmr10: {len(drawn)} of 95")
kin = {"quotesingle": "quoteright", "grave": "quoteleft", "asciicircum": "circumflex", "asciitilde": "tilde"}  # alike
wrong = {c: name for c, name in drawn.items() if name not in (UV2AGL[ord(c)], kin.get(UV2AGL[ord(c)]))}
print("expected: every character drawn as itself")
print("seen:    ", ", ".join(f"{c} as {name}" for c, name in wrong.items()))
sys.exit(0 if len(drawn) == 95 and set(wrong) == set('"<>\\_{|}') else 1)
PYTHON
