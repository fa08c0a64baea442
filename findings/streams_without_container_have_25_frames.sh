#!/usr/bin/env bash
# One would guess that stream.average_rate of PyAV, CAP_PROP_FPS of OpenCV and the "fps" that ffmpeg prints say how many frames a
# second a file has. For H.264, HEVC or MPEG-2 without a container (.h264, .hevc, .m2v: dumps of cameras, encoders and
# conformance suites) all of them say 25, although the headers of the stream state the rate and FFmpeg has read it:
# stream.guessed_rate and codec_context.framerate are right, and so are the durations of packets. 25 is a default of
# FFmpeg's reader of such files. Whoever divides a number of frames by it gets the length and every time wrong.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check av==18.1.0 numpy==2.4.6 opencv-python-headless==5.0.0.93 2> /dev/null
venv/bin/python - <<'PYTHON'
import sys
from fractions import Fraction

import av
import cv2
import numpy as np

FRAMES = 60


def write(path, codec, rate):
    options = {"x265-params": "log-level=error"} if codec == "libx265" else {}
    with av.open(path, "w") as container:
        stream = container.add_stream(codec, rate=rate, options=options)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for number in range(FRAMES):
            frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 4 * number, np.uint8), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


print("av", av.__version__, "opencv", cv2.__version__)
right = True
for ending, codec in (("h264", "libx264"), ("hevc", "libx265"), ("m2v", "mpeg2video"), ("mkv", "libx264")):
    for rate in (24, 60):
        write(f"clip.{ending}", codec, rate)
        with av.open(f"clip.{ending}") as container:
            stream = container.streams.video[0]
            average, guessed = stream.average_rate, stream.guessed_rate
            packet = next(container.demux(stream))
            lasts = float(packet.duration * stream.time_base)
        by_opencv = cv2.VideoCapture(f"clip.{ending}").get(cv2.CAP_PROP_FPS)
        print(f"{ending}, written at {rate}: average_rate {average}, CAP_PROP_FPS {by_opencv:g}, guessed_rate {guessed},")
        print(f"    duration of a packet {lasts:.3f} s; {FRAMES} frames / average_rate {float(FRAMES / average):.2f} s")
        right &= guessed == rate and abs(lasts - 1 / rate) < 1e-3
        right &= (average, by_opencv) == ((rate, rate) if ending == "mkv" else (25, 25))
print("expected: the rate as written, four times each")
sys.exit(0 if right else 1)
PYTHON
