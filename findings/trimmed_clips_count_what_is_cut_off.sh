#!/usr/bin/env bash
# A phone, or `ffmpeg -c copy`, trims an MP4 without encoding it again: the frames from the key frame before the cut stay in the
# file, and an edit list says where playback begins. One would guess that readers count and give the frames that are played.
# PyAV and OpenCV give those, but `stream.frames` and CAP_PROP_FRAME_COUNT count all. decord2 counts all as its length, gives
# times below 0, and its numbers mean two things: without a seek they count from the cut, after one from the key frame before
# it. A clip sampled at 0, 10, 20, ... shows a later frame at 10 than at 20.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check 2> /dev/null \
    av==18.1.0 opencv-python-headless==5.0.0.93 decord2==3.4.0 imageio-ffmpeg==0.8.1 numpy==2.4.6
venv/bin/python - 2> /dev/null <<'PYTHON'
import subprocess
import sys
from importlib.metadata import version

import av
import cv2
import decord
import imageio_ffmpeg
import numpy as np

for name in ("av", "opencv-python-headless", "decord2", "imageio-ffmpeg"):
    print(name, version(name))
with av.open("whole.mp4", "w") as container:  # frame i has the grey level 5 i; a key frame every 2 seconds
    stream = container.add_stream("libx264", rate=10, width=64, height=64, pix_fmt="yuv420p", options={"qp": "0", "g": "20"})
    for number in range(50):
        grey = av.VideoFrame.from_ndarray(np.full((64, 64), 5 * number, np.uint8), format="gray")
        container.mux(stream.encode(grey.reformat(format="yuv420p")))
    container.mux(stream.encode())
cut = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-ss", "1.5", "-i", "whole.mp4", "-c", "copy", "cut.mp4"]
subprocess.run(cut, check=True)


def number(picture):
    return round(float(picture[0, 0].mean()) / 5)


played = list(range(15, 50))
with av.open("cut.mp4") as container:
    by_pyav = [number(frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)]
    counted = {"PyAV": container.streams.video[0].frames}
capture = cv2.VideoCapture("cut.mp4")
counted["OpenCV"] = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
by_opencv = []
while (read := capture.read())[0]:
    by_opencv.append(number(read[1]))
counted["decord2"] = len(decord.VideoReader("cut.mp4"))
print(f"the last 3.5 of 5 seconds: {len(played)} frames are played, counted: {counted}")
print(f"read in order: PyAV {len(by_pyav)} from {by_pyav[0]}, OpenCV {len(by_opencv)} from {by_opencv[0]}")
wanted = [0, 10, 20, 30, 40, 49]
by_decord = [number(picture) for picture in decord.VideoReader("cut.mp4").get_batch(wanted).asnumpy()]
start = float(decord.VideoReader("cut.mp4").get_frame_timestamp(0)[0])
print(f"decord2 at {wanted}: expected rising numbers, seen {by_decord}; frame 0 begins at {start} s")
same = counted == {"PyAV": 50, "OpenCV": 50, "decord2": 50} and by_pyav == by_opencv == played
sys.exit(not (same and by_decord == [15, 25, 20, 30, 40, 49] and start == -1.5))
PYTHON
