#!/usr/bin/env bash
# One would guess that packet.pts and frame.pts say when a frame is shown, and packet.dts when it is decoded, earlier.
# An AVI stores decoding times alone. For H.264 in it FFmpeg derives display times, and where frames are left out (a
# screen recording) each frame gets the time of the NEXT one, though there are no B-frames; the dts of packets and of
# frames are the right times. A reader that samples such a file by pts looks at the wrong pictures, in silence.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/pip" install -q av==18.1.0 numpy==2.4.6 2> /dev/null
cat > "$work/times.py" <<'PY'
import sys
from fractions import Fraction
import av
import numpy as np


def frames(path, stamps):
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=10, options={"bf": "0"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 10)
        for number, stamp in enumerate(stamps):
            picture = np.full((48, 64, 3), 255 * (number % 2), np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = stamp, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with av.open(path) as container:
        return [(frame.pts, frame.dts) for frame in container.decode(video=0)]


print("av", av.__version__, "with FFmpeg libavformat", av.library_versions["libavformat"])
written = [0, 100, 150, 151, 152, 249]
shown = frames(sys.argv[1] + "/gaps.avi", written)
print("written at", written)
print("  frame.pts", [pts for pts, _ in shown])
print("  frame.dts", [dts for _, dts in shown])
next_one = [pts for pts, _ in shown][:-1] == written[1:] and [dts for _, dts in shown] == written
sys.exit(0 if next_one else 1)
PY
echo "expected: frame.pts as written"
"$work/env/bin/python" "$work/times.py" "$work" || { echo "no longer so"; exit 1; }
