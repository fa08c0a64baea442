#!/usr/bin/env bash
# numpy adds float16 in float32 for a mean, and one would guess that arrays of bfloat16, which ml_dtypes brings to numpy for JAX,
# safetensors and ONNX, are as safe. But `sum`, `mean` and `std` keep each partial sum in bfloat16, which has no 257: a sum of ones
# ends at 256, the mean of 1000 ones is 0.256, and the mean of a grey picture an eighth of what it is. Nothing warns. Give a dtype,
# `x.mean(dtype=np.float32)`, or convert first.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check ml_dtypes==0.6.0 numpy==2.4.6 2> /dev/null
"$work/venv/bin/python" - <<'PYTHON'
import sys

import ml_dtypes
import numpy as np

print("ml_dtypes", ml_dtypes.__version__, "numpy", np.__version__)
ones = np.ones(1000, np.float32)
pixels = np.random.default_rng(0).integers(100, 156, (64, 64)).astype(np.float32)  # whole numbers up to 256 are exact in bfloat16
found = {}
for name, dtype in (("float32", np.float32), ("float16", np.float16), ("bfloat16", ml_dtypes.bfloat16)):
    found[name] = [float(number) for number in (ones.astype(dtype).sum(), ones.astype(dtype).mean(), pixels.astype(dtype).mean())]
    print("{}: 1000 ones have the sum {:g} and the mean {:.3f}; grey pixels have the mean {:.1f}".format(name, *found[name]))
by_hand = ml_dtypes.bfloat16(0)
for one in ones.astype(ml_dtypes.bfloat16):
    by_hand = by_hand + one
print(f"bfloat16, added one by one: {float(by_hand):g}")
given = float(ones.astype(ml_dtypes.bfloat16).mean(dtype=np.float32))
print(f"bfloat16, mean(dtype=np.float32): {given:g}")
print("expected: three equal lines, but for rounding")
sum_, mean, grey = found["bfloat16"]
right = np.allclose(found["float16"], found["float32"], rtol=0.01) and given == 1
sys.exit(not (right and sum_ == by_hand == 256 and 0.25 < mean < 0.26 and grey < found["float32"][2] / 2))
PYTHON
