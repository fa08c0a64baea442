#!/usr/bin/env bash
# One would guess that `capture.set(cv2.CAP_PROP_POS_MSEC, 1000)` goes to the frame that is shown at 1 s. OpenCV multiplies by
# the mean frame rate and goes to the frame of that number. Where frames are not evenly spaced, as in screen recordings and
# videos of phones, it is another one, seconds away. POS_MSEC after `read` then tells its true time, so a reader can notice.
# Where the video begins late, times count from its first frame.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check opencv-python-headless==5.0.0.93 av==18.1.0 numpy==2.4.6 2> /dev/null
venv/bin/python - 2> /dev/null <<'PYTHON'
import sys
from fractions import Fraction
from importlib.metadata import version

import av
import cv2
import numpy as np

print("opencv-python-headless", version("opencv-python-headless"), "av", av.__version__)
EVEN = [100 * number for number in range(40)]
UNEVEN = [100 * number if number < 20 else 2000 + 500 * (number - 20) for number in range(40)]
ASKED = [500, 1000, 2500, 3500]


def write(path, times):
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=10, options={"qp": "0"})
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for number, time in enumerate(times):
            frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 4 * number, np.uint8), format="rgb24")
            frame.pts, frame.time_base = time, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def shown(path, time):
    """When the frame that OpenCV gives for this time was written to be shown, or None."""
    capture = cv2.VideoCapture(path)
    capture.set(cv2.CAP_PROP_POS_MSEC, time)
    read, picture = capture.read()
    return TIMES[path][round(float(picture[..., 1].mean()) / 4)] if read else None


TIMES = {"even.mp4": EVEN, "uneven.mp4": UNEVEN, "uneven.mkv": UNEVEN}
found = {}
for path, times in TIMES.items():
    write(path, times)
    found[path] = [shown(path, time) for time in ASKED]
    right = [max(written for written in times if written <= time) for time in ASKED]
    count = int(cv2.VideoCapture(path).get(cv2.CAP_PROP_FRAME_COUNT))
    print(f"{path}: asked for {ASKED} ms, expected the frames of {right} ms, seen those of {found[path]} ms; says {count} frames of 40")
wrong = {path: sum(one != other for one, other in zip(seen, ASKED)) for path, seen in found.items()}
sys.exit(not (wrong["even.mp4"] == 0 and wrong["uneven.mp4"] == 4 and wrong["uneven.mkv"] >= 2))
PYTHON
