#!/usr/bin/env bash
# One would guess that VideoReformatter.reformat(dst_color_trc=..., dst_color_primaries=...) only tags the frame: the
# docstring of PyAV 18.1 says "sets frame metadata only; it does not perform a pixel-level transfer function conversion".
# In truth PyAV 18 and 19 tone-map the pixels, PQ white at 203 nits becomes 253 or 254; PyAV 17 leaves it at 146, with
# the same arguments, without an error or a warning. Who reads HDR video by these arguments has right pictures or grey
# ones, by the version that pip took; who trusts the docstring adds a second tone-mapping on top.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
cat > "$work/white.py" <<'PY'
import io, sys
import av
import numpy as np
from av.video.reformatter import VideoReformatter

out = io.BytesIO()
with av.open(out, "w", format="matroska") as container:
    stream = container.add_stream("ffv1", rate=25)
    stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p10le"
    codec = stream.codec_context
    codec.color_trc, codec.color_primaries, codec.colorspace, codec.color_range = 16, 9, 9, 1  # PQ, BT.2020
    frame = av.VideoFrame(64, 48, "yuv420p10le")
    for plane, value in zip(frame.planes, (573, 512, 512)):  # 203 nits: 64 + 876 * 0.5807
        plane.update(np.full(plane.buffer_size // 2, value, np.uint16).tobytes())
    frame.pts = 0
    container.mux(stream.encode(frame))
    container.mux(stream.encode())
with av.open(io.BytesIO(out.getvalue())) as container:
    frame = next(container.decode(video=0))
    shown = VideoReformatter().reformat(frame, 64, 48, "rgb24", dst_color_trc=1, dst_color_primaries=1)
    pixel = shown.to_ndarray()[24, 32].tolist()
says = "metadata only" in (VideoReformatter.reformat.__doc__ or "")
print(f"av {av.__version__}: docstring says 'metadata only': {says}; PQ white at 203 nits becomes {pixel}")
sys.exit(0 if (min(pixel) >= 250) == (sys.argv[1] == "converts") else 1)
PY
echo "expected from the docstring: the same grey, about 146, in every version"
for pair in 17.1.0:keeps 18.1.0:converts; do
    python3 -m venv "$work/${pair%:*}"
    "$work/${pair%:*}/bin/pip" install -q "av==${pair%:*}" numpy==2.4.6 2> /dev/null
    "$work/${pair%:*}/bin/python" "$work/white.py" "${pair#*:}" || { echo "no longer so"; exit 1; }
done
