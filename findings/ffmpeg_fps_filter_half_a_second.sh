#!/usr/bin/env bash
# One would guess that FFmpeg's filter `fps=1` (ffmpeg -vf fps=1 frame_%d.png) gives the pictures that are shown at 0, 1, 2, ...
# seconds. It rounds the times of the frames to whole seconds and keeps the last of each: the picture of "1 s" is shown half a
# second later, just before 1.5 s, and the first picture of the video is not among them. Questions like "what is shown at second
# 7?" get the wrong picture. `fps=1:round=up` gives the right ones.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check av==18.1.0 numpy==2.4.6 2> /dev/null
venv/bin/python - <<'PYTHON'
import sys

import av
import numpy as np

print("av", av.__version__, "with FFmpeg libavfilter", av.library_versions["libavfilter"])
RATE, FRAMES = 10, 50
with av.open("count.mp4", "w") as container:
    stream = container.add_stream("libx264", rate=RATE, options={"qp": "0"})
    stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
    for number in range(FRAMES):
        picture = np.full((64, 64, 3), 5 * number, np.uint8)
        container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
    container.mux(stream.encode())


def shown_at(frame):
    """The second at which the picture of this frame is shown in the video, read from its grey."""
    return round(frame.to_ndarray(format="gray").mean() / 5) / RATE


def sampled(options):
    with av.open("count.mp4") as container:
        stream = container.streams.video[0]
        graph = av.filter.Graph()
        source, rate, sink = graph.add_buffer(template=stream), graph.add("fps", options), graph.add("buffersink")
        source.link_to(rate)
        rate.link_to(sink)
        graph.configure()
        for frame in container.decode(stream):
            graph.push(frame)
        graph.push(None)
        found = {}
        while True:
            try:
                frame = graph.pull()
            except (BlockingIOError, EOFError):
                return found
            found[float(frame.pts * frame.time_base)] = shown_at(frame)


with av.open("count.mp4") as container:
    own = [(frame.time, shown_at(frame)) for frame in container.decode(video=0)]
print("the file itself: every frame at its own time:", all(abs(time - shown) < 0.01 for time, shown in own))
found = {options: sampled(options) for options in ("1", "2", "0.5", "1:round=up")}
print("expected: each time with the picture of that time")
for options, pictures in found.items():
    print(f"fps={options}:", ", ".join(f"{time:g} s shows that of {shown:g} s" for time, shown in pictures.items()))
late = {time: round(shown - time, 3) for time, shown in found["1"].items()}
right = all(time == shown for time, shown in found["1:round=up"].items())
sys.exit(not (set(late.values()) == {0.4} and len(late) == 5 and right and found["0.5"][2.0] == 2.9))
PYTHON
