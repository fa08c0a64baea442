#!/usr/bin/env bash
# One would guess that eight-bit weights make a product with one token faster, since four times fewer bytes are read. torchao's
# Int8WeightOnlyConfig, run eagerly on a CPU, casts the whole matrix to the dtype of the inputs at every call, and takes longer
# than the float32 layer that it replaces.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 torchao==0.18.0 numpy==2.4.6 2> /dev/null
"$work/venv/bin/python" - 2> /dev/null <<'PYTHON'
import sys
import time
from importlib.metadata import version

import torch
from torchao.quantization import Int8WeightOnlyConfig, quantize_

print(", ".join(f"{name} {version(name)}" for name in ("torch", "torchao")))
torch.manual_seed(0)
torch.set_num_threads(1)
torch.set_grad_enabled(False)
plain = torch.nn.Sequential(torch.nn.Linear(4096, 4096, bias=False))
small = torch.nn.Sequential(torch.nn.Linear(4096, 4096, bias=False))
small.load_state_dict(plain.state_dict())
quantize_(small, Int8WeightOnlyConfig())
token = torch.randn(1, 4096)
times = {"float32": [], "int8": []}
for _ in range(10):
    for name, layer in (("float32", plain), ("int8", small)):
        began = time.perf_counter()
        layer(token)
        times[name].append(1e3 * (time.perf_counter() - began))
best = {name: min(values) for name, values in times.items()}
error = float((small(token) - plain(token)).norm() / plain(token).norm())
print(", ".join(f"{name} {value:.2f} ms" for name, value in best.items()), f"relative error {error:.3f}")
print("expected: int8 takes longer than float32, and the error is below 0.05")
sys.exit(not (best["int8"] > best["float32"] and error < 0.05))
PYTHON
