#!/usr/bin/env bash
# Transport streams may be joined by `cat a.ts b.ts`; players and the ffmpeg program show both, one after the other. One
# would guess that the same holds for the FFmpeg libraries. They give the second part the timestamps of the first again:
# the duration in PyAV and the number of frames in OpenCV are those of one part, so frames chosen by either, such as 8
# spread evenly, never come from the second, and a reader that waits for a frame of a later time runs through all of
# the second part at once. MPEG program streams (parts of a DVD) do the same. Only the ffmpeg program mends the times.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check av==18.1.0 numpy==2.4.6 opencv-python-headless==5.0.0.93 \
    imageio-ffmpeg==0.8.1 2> /dev/null
venv/bin/python - <<'PYTHON'
import re
import subprocess
import sys
from pathlib import Path

import av
import cv2
import imageio_ffmpeg
import numpy as np

FRAMES = 50  # of a part, in two seconds


def write(path, codec, first):
    with av.open(path, "w") as container:
        stream = container.add_stream(codec, rate=25, options={"bf": "0", "b": "2M"})
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for number in range(first, first + FRAMES):
            frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 20 + 2 * number, np.uint8), format="rgb24")
            frame.pts = number - first
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def program_seconds(path):
    program = imageio_ffmpeg.get_ffmpeg_exe()
    told = subprocess.run([program, "-nostdin", "-i", path, "-f", "null", "-"], capture_output=True, text=True).stderr
    times = re.findall(r"time=(\d+):(\d+):([\d.]+)", told)
    assert times, told
    hours, minutes, seconds = times[-1]
    return 3600 * int(hours) + 60 * int(minutes) + float(seconds)


print("av", av.__version__, "opencv", cv2.__version__, "ffmpeg", imageio_ffmpeg.get_ffmpeg_version())
right = True
for ending, codec in (("ts", "libx264"), ("mpg", "mpeg2video")):
    for name, first in (("a", 0), ("b", FRAMES)):
        write(f"{name}.{ending}", codec, first)
    joined = Path(f"joined.{ending}")
    joined.write_bytes(Path(f"a.{ending}").read_bytes() + Path(f"b.{ending}").read_bytes())
    with av.open(str(joined)) as container:
        seconds = float(container.duration / 1e6)
        times = [frame.time for frame in container.decode(video=0)]
    counted = cv2.VideoCapture(str(joined)).get(cv2.CAP_PROP_FRAME_COUNT)
    by_program = program_seconds(str(joined))
    print(f"{ending}: {len(times)} frames decode; PyAV says {seconds:.2f} s, OpenCV {counted:g} frames")
    print(f"    time of frame 0: {times[0]:.2f} s, of frame {FRAMES}: {times[FRAMES]:.2f} s; ffmpeg's end: {by_program:.2f} s")
    right &= len(times) == 2 * FRAMES and abs(times[FRAMES] - times[0]) < 0.1
    right &= abs(seconds - 2) < 0.2 and abs(counted - FRAMES) < 5 and abs(by_program - 4) < 0.2
print(f"expected: {2 * FRAMES} frames in 4 s")
sys.exit(0 if right else 1)
PYTHON
