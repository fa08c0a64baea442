#!/usr/bin/env bash
# `image.seek(i)` of Pillow goes to a frame, and `image.info["duration"]` says how long it is shown. One would guess that this
# works as for GIF and PNG. For WebP and AVIF there is a duration only after the frame is decoded: `info.get("duration", 100)`
# gives 100 for all frames, a sum of durations is 0, and the metadata that imageio gives for a frame has none. What is shown at
# a time is then another picture. A call of `image.load()` after `seek` gives the durations, which are those of the file.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pillow==13.0.0 imageio==2.38.1 2> /dev/null
venv/bin/python - <<'PYTHON'
import io
import sys
from importlib.metadata import version

import imageio.v3 as imageio
from PIL import Image, ImageSequence

for name in ("pillow", "imageio"):
    print(name, version(name))
durations = [100, 900, 200, 300]
frames = [Image.new("RGB", (64, 64), colour) for colour in ("red", "green", "blue", "white")]


def opened(file, is_decoded_first):
    found = []
    for frame in ImageSequence.Iterator(Image.open(io.BytesIO(file))):
        if is_decoded_first:
            frame.load()
        found.append(frame.info.get("duration"))
        frame.convert("RGB")
    return found


def stated(file):
    """Durations in the ANMF chunks of a WebP file."""
    places = [place for place in range(len(file)) if file.startswith(b"ANMF", place)]
    return [int.from_bytes(file[place + 20 : place + 23], "little") for place in places]


same = True
print("durations:", durations)
for kind in ("GIF", "PNG", "WEBP", "AVIF"):
    written = io.BytesIO()
    frames[0].save(written, kind, save_all=True, append_images=frames[1:], duration=durations)
    before, after = opened(written.getvalue(), False), opened(written.getvalue(), True)
    by_imageio = [imageio.immeta(written.getvalue(), index=place, plugin="pillow").get("duration") for place in range(4)]
    print(f"{kind}: looked at before the pixels {before}, by imageio {by_imageio}, after load() {after}")
    same &= by_imageio == before
    same &= before == ([None] * 4 if kind in ("WEBP", "AVIF") else durations) and after == durations
    same &= kind != "WEBP" or stated(written.getvalue()) == durations
sys.exit(not same)
PYTHON
