#!/usr/bin/env bash
# One would guess that qwen-vl-utils reads a video once it is installed: it requires PyAV, bounds nothing, and says that
# it falls back to torchvision where another reader fails. But its reader "torchvision" calls torchvision.io.read_video,
# which torchvision 0.29 no longer has; the fallback is that same reader, and PyAV is never asked. Every video by path
# ends in an AttributeError unless torchcodec or decord is there too. Whoever counts a peer's tokens by running it on
# files must give it one of those, or frames that are decoded already. (About 6 GB are installed in a temporary folder.)
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet torch==2.14.1 torchvision==0.29.1 qwen-vl-utils==0.0.14 av==18.1.0
venv/bin/python - <<'PYTHON'
import sys
from importlib.metadata import version

import av
import numpy as np
import torchvision
from qwen_vl_utils import vision_process

print(", ".join(f"{name} {version(name)}" for name in ("qwen-vl-utils", "torchvision", "torch", "av")))
with av.open("clip.mp4", "w") as clip:
    stream = clip.add_stream("mpeg4", rate=5)
    stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
    for grey in range(0, 200, 10):
        frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), grey, np.uint8), format="rgb24")
        clip.mux(stream.encode(frame))
    clip.mux(stream.encode())
with av.open("clip.mp4") as clip:
    print("PyAV decodes", sum(1 for _ in clip.decode(video=0)), "frames of the clip")
print("expected of fetch_video: frames")
try:
    print("seen:", tuple(vision_process.fetch_video({"video": "clip.mp4"}).shape))
    sys.exit(1)
except AttributeError as error:
    print("seen: AttributeError:", error)
sys.exit(1 if hasattr(torchvision.io, "read_video") else 0)
PYTHON
