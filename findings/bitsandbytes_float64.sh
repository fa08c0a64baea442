#!/usr/bin/env bash
# One would guess that a 4-bit layer either computes in the dtype that compute_dtype names or refuses it. bitsandbytes takes
# torch.float64 without a word and gives wrong numbers on a CPU, while float32, bfloat16 and float16 give the same product
# within the error of four bits. A parity test that asks for float64 to be exact compares with noise.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 bitsandbytes==0.50.2 2> /dev/null
"$work/venv/bin/python" - <<'PYTHON'
import sys
from importlib.metadata import version

import bitsandbytes
import torch

print(", ".join(f"{name} {version(name)}" for name in ("torch", "bitsandbytes")))
torch.manual_seed(0)
plain, inputs = torch.nn.Linear(1024, 1024, bias=False), torch.randn(4, 1024)
wanted = plain(inputs).detach()
errors = {}
for dtype in (torch.float32, torch.bfloat16, torch.float16, torch.float64):
    layer = bitsandbytes.nn.Linear4bit(1024, 1024, bias=False, compute_dtype=dtype, quant_type="nf4")
    layer.load_state_dict(plain.state_dict())
    given = layer.to("cpu")(inputs.to(dtype)).float().detach()
    errors[dtype] = float((given - wanted).norm() / wanted.norm())
    print(f"compute_dtype {dtype}: relative error {errors[dtype]:.3f}")
print("expected: about 0.09 for the first three, over 0.5 for float64, no error raised")
others = [error for dtype, error in errors.items() if dtype is not torch.float64]
sys.exit(not (max(others) < 0.2 and errors[torch.float64] > 0.5))
PYTHON
