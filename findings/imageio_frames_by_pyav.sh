#!/usr/bin/env bash
# One would guess that imread(path, index=k, plugin="pyav") of imageio gives the k-th frame, the one that imiter gives
# k-th: the plugin is recommended for exact seeking. Its default is to take the rate of the file as constant AND its
# first frame as shown at time 0, whatever the file says: it seeks to k / rate and counts on from the time of a key
# frame. Where a video begins two frames late (usual beside sound, or after a cut), index 0 and 1 are right and all from
# 2 on give the frame two before; with uneven times (a phone, a screen recording) the frames are those of other times.
# No error and no warning. constant_framerate=False, which decodes from the start, is right; so is imiter.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check imageio==2.38.1 av==18.1.0 numpy==2.4.6 2> /dev/null
venv/bin/python - <<'PYTHON'
import sys
from fractions import Fraction

import av
import imageio
import imageio.v3 as iio
import numpy as np

FRAMES = 30


def write(path, ticks):
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"qp": "0", "g": "10", "bf": "0"})
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = Fraction(1, 25)
        for number, tick in enumerate(ticks):
            frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 20 + 7 * number, np.uint8), format="rgb24")
            frame.pts, frame.time_base = tick, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def number_of(picture):
    return round((int(picture[32, 32, 0]) - 20) / 7)


def by_index(path, **options):
    return [number_of(iio.imread(path, index=index, plugin="pyav", **options)) for index in range(FRAMES)]


print("imageio", imageio.__version__, "av", av.__version__)
even = list(range(FRAMES))
uneven = [number + 12 * (number >= 5) for number in even]  # half a second without a new frame
right = True
for name, ticks in (("from 0", even), ("2 frames late", [tick + 2 for tick in even]), ("a pause", uneven)):
    for ending in ("mp4", "mkv"):
        path = f"clip.{ending}"
        write(path, ticks)
        in_order = [number_of(picture) for picture in iio.imiter(path, plugin="pyav")]
        seen, slow = by_index(path), by_index(path, constant_framerate=False)
        print(f"{name}, {ending}: imread(index=0..{FRAMES - 1}) gives {seen}")
        right &= in_order == even and slow == even
        right &= (seen == even) == (name == "from 0")
        if name == "2 frames late":
            right &= seen == [0, 1, 0, *range(1, FRAMES - 2)]
print("expected each time:", even)
sys.exit(0 if right else 1)
PYTHON
