#!/usr/bin/env bash
# A variable font has named instances: Light, Regular, Bold. One would guess that Pillow opens the default and that the others
# take set_variation_by_name() on each font object, so that path and index do not say which face is drawn. The index of
# truetype() goes to FreeType as it is, and FreeType takes instance n in its upper half: index n * 65536 opens it, getname()
# tells its name, and the pixels are those of set_variation_by_name().
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv venv && venv/bin/pip install --quiet --disable-pip-version-check pillow==13.0.0 fontpkg-lora==3.8
venv/bin/python - <<'PYTHON'
import sys
from importlib.metadata import distribution

import PIL
from PIL import ImageFont, features

print("Pillow", PIL.__version__, "FreeType", features.version("freetype2"))
path = str(distribution("fontpkg-lora").locate_file("fontpkg_lora/files/Lora[wght].ttf"))
names = [name.decode() for name in ImageFont.truetype(path, 40).get_variation_names()]
print("instances:", names)
same = []
for number, name in enumerate(names, 1):
    opened, varied = ImageFont.truetype(path, 40, index=number << 16), ImageFont.truetype(path, 40)
    varied.set_variation_by_name(name)
    same.append(opened.getname()[1] == name and bytes(opened.getmask("Rag")) == bytes(varied.getmask("Rag")))
    print(f"index {number << 16:6}: getname() {opened.getname()[1]}, pixels {'' if same[-1] else 'not '}those of {name}")
ink = [sum(bytes(ImageFont.truetype(path, 40, index=n << 16).getmask("Rag"))) for n in range(1, 1 + len(names))]
print("ink, heavier and heavier:", ink)
sys.exit(0 if len(names) == 4 and all(same) and ink == sorted(set(ink)) else 1)
PYTHON
