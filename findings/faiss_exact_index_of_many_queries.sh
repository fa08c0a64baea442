#!/usr/bin/env bash
# One would guess that IndexFlatL2 of faiss, which compares a vector with all others, finds every stored vector as its own nearest
# one. It does for a few queries in a call. For more (if their number times the dimensions is above 128000) it computes each
# distance as x² + y² - 2xy in float32, where small distances between long vectors are lost: of 300 video frames with a page
# number in the corner, nearly all then find another frame, at distance 0, and range_search within 2 gives 20 times as many
# duplicates as there are. Subtract the mean of the vectors first, or search in small batches.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check faiss-cpu==1.15.1 numpy==2.4.6 packaging==26.4 2> /dev/null
OMP_NUM_THREADS=1 "$work/venv/bin/python" - <<'PYTHON'
import sys

import faiss
import numpy as np

print("faiss", faiss.__version__)
COUNT, HEIGHT, WIDTH = 300, 36, 64
frames = np.repeat(np.random.default_rng(0).integers(180, 256, (1, HEIGHT, WIDTH, 3)).astype(np.float32), COUNT, axis=0)
for number, frame in enumerate(frames):  # what changes from frame to frame: four pixels, and one after 256 frames
    frame[2:4, 2:4], frame[4, 4] = number % 256, number // 256 * 255
frames = frames.reshape(COUNT, -1)
least = min(float(((frames[row] - np.delete(frames, row, 0)) ** 2).sum(1).min()) for row in range(COUNT))
print(f"{COUNT} frames of {frames.shape[1]} values; two of them differ by a squared distance of {least:g} or more")


def wrong(vectors, rows):
    """How many vectors do not find themselves, and how many pairs are within 2, if so many are searched in each call."""
    index = faiss.IndexFlatL2(vectors.shape[1])
    index.add(vectors)
    batches = [vectors[start : start + rows] for start in range(0, COUNT, rows)]
    found = np.concatenate([index.search(batch, 1)[1][:, 0] for batch in batches])
    pairs = sum(int(index.range_search(batch, 2.0)[0][-1]) for batch in batches)
    return int((found != np.arange(COUNT)).sum()), pairs


seen = {}
for name, vectors, rows in (
    ("one query in a call", frames, 1),
    ("10 in a call", frames, 10),
    ("20 in a call", frames, 20),
    ("all in a call", frames, COUNT),
    ("all in a call, less their mean", frames - frames.mean(0), COUNT),
):
    seen[name] = lost, pairs = wrong(vectors, rows)
    print(f"{name}: {lost} frames do not find themselves, {pairs} pairs within 2")
print("expected: 0 frames, and 300 pairs, each frame with itself")
small = [seen[name] for name in ("one query in a call", "10 in a call", "all in a call, less their mean")]
large = [seen[name] for name in ("20 in a call", "all in a call")]
sys.exit(small != [(0, COUNT)] * 3 or min(lost for lost, _ in large) < 150 or min(pairs for _, pairs in large) < 2 * COUNT)
PYTHON
