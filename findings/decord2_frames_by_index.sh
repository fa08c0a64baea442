#!/usr/bin/env bash
# Training code samples a video by `get_batch` of decord, of which decord2 is the fork that is kept up. One would guess that
# frame 13 is the same read by index or in order. It is for H.264 in MP4 and Matroska. In an AVI, in MPEG-4 with B-frames, in an
# MPEG transport or program stream, decord2 gives other frames of the video by index, without an error, and of a transport
# stream in order too.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check decord2==3.4.0 av==18.1.0 numpy==2.4.6 2> /dev/null
venv/bin/python - 2> /dev/null <<'PYTHON'
import sys
from importlib.metadata import version

import av
import decord
import numpy as np

print("decord2", version("decord2"), "av", av.__version__)
FRAMES, ASKED = 60, [0, 5, 13, 25, 30, 59]
FILES = {  # name: codec, B-frames
    "h264.mp4": ("libx264", 3),
    "h264.mkv": ("libx264", 3),
    "mpeg4_no_b.avi": ("mpeg4", 0),
    "mpeg4.mp4": ("mpeg4", 2),
    "mpeg4.avi": ("mpeg4", 2),
    "h264_no_b.avi": ("libx264", 0),
    "h264.ts": ("libx264", 3),
    "mpeg2.mpg": ("mpeg2video", 2),
}


def number(picture):
    return round(float(np.asarray(picture)[..., 1].mean()) / 4)


found = {}
for name, (codec, b_frames) in FILES.items():
    with av.open(name, "w") as container:
        stream = container.add_stream(codec, rate=25, options={"bf": str(b_frames), "g": "12"})
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = 64, 64, "yuv420p", 4_000_000
        for grey in range(FRAMES):
            picture = np.full((64, 64, 3), 4 * grey, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    with av.open(name) as container:
        written = [number(frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)]
    reader = decord.VideoReader(name)
    in_order = [number(reader[index].asnumpy()) for index in range(len(reader))]
    by_index = [number(picture) for picture in decord.VideoReader(name).get_batch(ASKED).asnumpy()]
    found[name] = (by_index == ASKED, in_order == list(range(FRAMES)))
    print(f"{name}: PyAV finds all in order {written == list(range(FRAMES))}, decord2 {found[name][1]};", end=" ")
    print(f"get_batch({ASKED}) gives {by_index}")
print("expected of each: the frames that were asked for")
right = {name for name, (by_index, _) in found.items() if by_index}
sys.exit(not (right == {"h264.mp4", "h264.mkv", "mpeg4_no_b.avi"} and not found["h264.ts"][1]))
PYTHON
