#!/usr/bin/env bash
# `antialias=True` of `F.interpolate` smooths where a picture is made smaller. One would guess that it changes nothing where it
# is made larger, as it is with bilinear. With bicubic it also takes another curve (a of -0.5, not -0.75): position embeddings
# brought from 14 x 14 to 32 x 32 differ by several percent, and overshoot otherwise. Pillow's bicubic is that with antialias,
# OpenCV's that without. A model that was trained with the one and serves with the other gets other positions, or other
# pictures, in silence.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.14.1 numpy==2.4.6 pillow==13.0.0 \
    opencv-python-headless==5.0.0.93 2> /dev/null
"$work/venv/bin/python" - <<'PYTHON'
import sys
from importlib.metadata import version

import cv2
import numpy as np
import torch
from PIL import Image
from torch.nn.functional import interpolate

print(", ".join(f"{name} {version(name)}" for name in ("torch", "pillow", "opencv-python-headless")))
torch.manual_seed(0)
embeddings = torch.randn(1, 1, 14, 14)


def enlarged(mode, antialias):
    return interpolate(embeddings, size=(32, 32), mode=mode, antialias=antialias)


def apart(one, other):
    return round(float((one - other).norm() / one.norm()), 3)


bilinear = apart(enlarged("bilinear", False), enlarged("bilinear", True))
bicubic = apart(enlarged("bicubic", False), enlarged("bicubic", True))
print(f"14 x 14 to 32 x 32, without and with antialias: bilinear {bilinear} apart, bicubic {bicubic}; expected 0 of both")
plain = embeddings[0, 0].numpy()
by_pillow = torch.from_numpy(np.array(Image.fromarray(plain).resize((32, 32), Image.Resampling.BICUBIC)))[None, None]
by_opencv = torch.from_numpy(cv2.resize(plain, (32, 32), interpolation=cv2.INTER_CUBIC))[None, None]
found = {}
for name, other in (("Pillow", by_pillow), ("OpenCV", by_opencv)):
    found[name] = [apart(enlarged("bicubic", antialias), other) for antialias in (False, True)]
    print(f"{name}'s bicubic is {found[name][0]} apart from that without antialias, {found[name][1]} from that with it")
near = found["Pillow"][1] < 0.001 < 0.03 < found["Pillow"][0] and found["OpenCV"][0] < 0.001 < 0.03 < found["OpenCV"][1]
sys.exit(not (bilinear == 0 and bicubic > 0.03 and near))
PYTHON
