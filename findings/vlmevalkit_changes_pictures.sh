#!/usr/bin/env bash
# One would guess: VLMEvalKit sends a server the pictures of a benchmark as they are, and the model is asked what it was made for.
# What happens (ms-vlmeval 0.0.20, `--base-url`): every picture is written anew as a JPEG of Pillow's quality 75 with halved
# colour, whatever it was; one with a side below 100 pixels is enlarged; transparency is dropped without a background, so
# that black letters on a transparent one arrive as a black rectangle.
# Why it matters: answers of one model by a server and in its own process differ, and figures with transparency show nothing.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 pandas==2.3.3 pillow==12.3.0
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps ms-vlmeval==0.0.20
"$folder/venv/bin/python" - <<'PYTHON'
import base64
import io
import logging
import sys
from importlib import import_module
from importlib.metadata import distribution, version
from types import ModuleType

from PIL import Image, ImageChops, ImageDraw

print("Python", sys.version.split()[0], "ms-vlmeval", version("ms-vlmeval"), "Pillow", version("pillow"))
# The package's own __init__ imports torch; the module of pictures needs nothing of it but a logger.
for name in ("vlmeval", "vlmeval.smp", "vlmeval.smp.log"):
    sys.modules[name] = package = ModuleType(name)
    package.__path__ = [str(distribution("ms-vlmeval").locate_file(name.replace(".", "/")))]
package.get_logger = logging.getLogger
encode = import_module("vlmeval.smp.vlm").encode_image_to_base64  # what LMDeployAPI, the class behind --base-url, calls


def arrives(picture):
    held = io.BytesIO()
    picture.save(held, "PNG")
    return Image.open(io.BytesIO(base64.b64decode(encode(Image.open(held)))))


lines = Image.new("RGB", (200, 200), "black")
for x in range(0, 200, 2):
    ImageDraw.Draw(lines).line((x, 0, x, 199), "red")
sent = arrives(lines)
changed = max(high for _, high in ImageChops.difference(lines, sent.convert("RGB")).getextrema())
print(f"red lines as PNG: one would expect PNG and no change, seen {sent.format} and values changed by up to {changed}")

small = arrives(Image.new("RGB", (64, 32), "white"))
print(f"64 x 32 pixels: one would expect (64, 32), seen {small.size}")

letters = Image.new("RGBA", (200, 100), (0, 0, 0, 0))
ImageDraw.Draw(letters).text((20, 20), "black letters", "black", font_size=24)
seen = arrives(letters).convert("L").getextrema()
print(f"black letters on nothing: one would expect some background, seen greys between {seen[0]} and {seen[1]}")
sys.exit(0 if sent.format == "JPEG" and changed > 50 and small.size == (200, 100) and seen == (0, 0) else 1)
PYTHON
