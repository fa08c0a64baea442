#!/usr/bin/env bash
# MP4, MOV and Matroska may say that only a part of each frame is to be shown (`clap`, `PixelCrop`), and AVIF of its picture
# (`clap`, essential for a reader). The program ffmpeg crops such videos, and libheif, the library of pillow-heif, crops AVIF.
# One would guess that libraries above the same decoders do too. PyAV, OpenCV and decord2 give the whole frames, and Pillow,
# OpenCV and PyAV the whole AVIF picture: with the borders that were cut off, at another size than in a player.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check 2> /dev/null av==18.1.0 opencv-python-headless==5.0.0.93 \
    decord2==3.4.0 pillow==13.0.0 pillow-heif==1.8.1 imageio-ffmpeg==0.8.1 numpy==2.4.6
venv/bin/python - 2> /dev/null <<'PYTHON'
import struct
import subprocess
import sys
from importlib.metadata import version

import av
import cv2
import decord
import numpy as np
import pillow_heif
from imageio_ffmpeg import get_ffmpeg_exe
from PIL import Image

for name in ("av", "opencv-python-headless", "decord2", "pillow", "pillow-heif"):
    print(name, version(name))
print("ffmpeg", subprocess.run([get_ffmpeg_exe(), "-version"], capture_output=True, text=True).stdout.split()[2])
WIDTH, HEIGHT = 64, 48
CLAP = struct.pack(">I4s8I", 40, b"clap", 32, 1, HEIGHT, 1, 0, 1, 0, 1)  # the 32 columns in the middle


def box(data, kind, start, end):
    while start < end:
        size, found = struct.unpack_from(">I4s", data, start)
        if found == kind:
            return start, start + size
        start += size
    raise LookupError(kind)


def grow(data, at, by):
    struct.pack_into(">I", data, at, struct.unpack_from(">I", data, at)[0] + by)


with av.open("whole.mp4", "w") as container:
    stream = container.add_stream("libx264", rate=25)
    stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    for _ in range(5):
        frame = av.VideoFrame.from_ndarray(np.full((HEIGHT, WIDTH, 3), 128, np.uint8), format="rgb24")
        container.mux(stream.encode(frame))
    container.mux(stream.encode())
data = bytearray(open("whole.mp4", "rb").read())
path, start, end = [], 0, len(data)
for kind, header in zip((b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"avc1"), (8, 8, 8, 8, 8, 16, 86), strict=True):
    start, end = box(data, kind, start, end)
    path.append(start)
    start += header
data[end:end] = CLAP  # behind the frames of the file, so that no place of a frame changes
for at in path:
    grow(data, at, len(CLAP))
open("cropped.mp4", "wb").write(data)
subprocess.run([get_ffmpeg_exe(), "-v", "error", "-i", "cropped.mp4", "-c", "copy", "cropped.mkv"], check=True)

Image.new("RGB", (WIDTH, HEIGHT), "red").save("whole.avif")
data = bytearray(open("whole.avif", "rb").read())
meta, meta_end = box(data, b"meta", 0, len(data))
iloc, _ = box(data, b"iloc", meta + 12, meta_end)
iprp, iprp_end = box(data, b"iprp", meta + 12, meta_end)
ipco, ipco_end = box(data, b"ipco", iprp + 8, iprp_end)
ipma, ipma_end = box(data, b"ipma", iprp + 8, iprp_end)
properties, at = 0, ipco + 8
while at < ipco_end:
    properties, at = properties + 1, at + struct.unpack_from(">I", data, at)[0]
for at, by in ((ipma, 1), (ipco, len(CLAP)), (iprp, len(CLAP) + 1), (meta, len(CLAP) + 1), (iloc + 22, len(CLAP) + 1)):
    grow(data, at, by)  # the last one is where the picture begins
data[ipma + 18] += 1  # one more property of the only picture, essential
data[ipma_end:ipma_end] = bytes([0x80 | properties + 1])
data[ipco_end:ipco_end] = CLAP
open("cropped.avif", "wb").write(data)


def by_ffmpeg(path):
    subprocess.run([get_ffmpeg_exe(), "-v", "error", "-y", "-i", path, "-frames:v", "1", "frame.png"], check=True)
    return Image.open("frame.png").size


def by_pyav(path):
    with av.open(path) as container:
        frame = next(container.decode(video=0))
        return frame.width, frame.height


def by_opencv(path):
    shape = (cv2.imread(path) if path.endswith("avif") else cv2.VideoCapture(path).read()[1]).shape
    return shape[1], shape[0]


def by_decord(path):
    return decord.VideoReader(path)[0].shape[1::-1]


found = {"PyAV": by_pyav, "OpenCV": by_opencv}
video = {"ffmpeg": by_ffmpeg, **found, "decord2": by_decord}
still = {"pillow-heif": lambda path: pillow_heif.open_heif(path).size, **found, "Pillow": lambda path: Image.open(path).size}
same = True
for ending, readers in (("mp4", video), ("mkv", video), ("avif", still)):
    whole = {"avif": by_pyav("whole.avif")}.get(ending, by_pyav("whole.mp4"))
    sizes = {name: tuple(reader(f"cropped.{ending}")) for name, reader in readers.items()}
    print(f"cropped.{ending}: expected (32, 48) of all;", ", ".join(f"{name} {size}" for name, size in sizes.items()))
    (_, cropped), *others = sizes.items()
    same &= cropped == (32, 48) and all(size == whole == (64, 48) for _, size in others)
sys.exit(not same)
PYTHON
