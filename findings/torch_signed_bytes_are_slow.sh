#!/usr/bin/env bash
# One would guess that torch's quantised product takes int8 and uint8 inputs alike, as it says and as the results show: with a
# zero point of 128 they are the same numbers. On a CPU with AVX-512 and VNNI oneDNN has a kernel for uint8 alone, and int8
# goes to its reference code, hundreds of times slower, without a warning. Whoever rounds activations around zero to int8 should
# add 128.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6 2> /dev/null
"$work/venv/bin/python" - <<'PYTHON'
import sys
import time

import torch

print(f"torch {torch.__version__}, VNNI {torch.cpu._is_vnni_supported()}")
torch.manual_seed(0)
torch.set_num_threads(1)
weight = torch.randint(-127, 128, (512, 512), dtype=torch.int8)
inputs = torch.randint(-127, 128, (32, 512), dtype=torch.int8)
packed = torch.ops.onednn.qlinear_prepack(weight, None)
scale, zeros = torch.ones(512), torch.zeros(512, dtype=torch.int64)


def product(given, zero_point):
    return torch.ops.onednn.qlinear_pointwise(
        given, 1.0, zero_point, packed, scale, zeros, None, 1.0, 0, torch.float32, "none", [], ""
    )


def milliseconds(given, zero_point):
    times = []
    for _ in range(5):
        began = time.perf_counter()
        product(given, zero_point)
        times.append(time.perf_counter() - began)
    return 1e3 * min(times)


signed, unsigned = (inputs, 0), ((inputs.int() + 128).to(torch.uint8), 128)
exact = inputs.double() @ weight.double().T
same = torch.equal(product(*signed).double(), exact) and torch.equal(product(*unsigned).double(), exact)
slow, fast = milliseconds(*signed), milliseconds(*unsigned)
print(f"int8 {slow:.2f} ms, uint8 {fast:.3f} ms, {slow / fast:.0f} times; results exact and equal: {same}")
print("expected: exact and equal, and more than 20 times slower for int8")
sys.exit(not (same and slow > 20 * fast))
PYTHON
