#!/usr/bin/env bash
# On a CPU with units for bfloat16, torch hands products in bfloat16 to oneDNN, which builds a kernel for each shape and keeps the
# last 1,024 of them. One would guess that a layer of 131,072 weights needs the same memory however many rows come in. Where the
# number of rows changes from call to call (packed training, prompts of any length), each new number stays in memory with
# a megabyte or so: a few small layers grow by a gigabyte, in training and in inference, and no figure of torch tells. The same in
# float32 does not grow. ONEDNN_PRIMITIVE_CACHE_CAPACITY, read once before the first product, bounds it.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6 2> /dev/null
cat > "$work/rows.py" <<'PYTHON'
import random
import sys

import torch

dtype = getattr(torch, sys.argv[1])
random.seed(0)


def megabytes():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 / 1e6


layers = [torch.nn.Linear(256, 256).to(dtype) for _ in range(2)]
held = []
with torch.inference_mode():
    for number in range(2001):
        x = torch.randn(random.randint(1, 3000) if number else 3000, 256, dtype=dtype)
        for layer in layers:
            x = layer(x)
        if number % 500 == 0:
            held.append(megabytes())
print(" ".join(f"{one:.0f}" for one in held))
PYTHON
export OMP_NUM_THREADS=1
"$work/venv/bin/python" -c "
import sys
import torch
print('torch', torch.__version__, 'amx', torch.cpu._is_amx_tile_supported(), 'avx512_bf16', torch.cpu._is_avx512_bf16_supported())
sys.exit(not torch.cpu._is_amx_tile_supported())" || { echo "no such units here: nothing to see"; exit 0; }
float32=$("$work/venv/bin/python" "$work/rows.py" float32)
bfloat16=$("$work/venv/bin/python" "$work/rows.py" bfloat16)
bounded=$(ONEDNN_PRIMITIVE_CACHE_CAPACITY=64 "$work/venv/bin/python" "$work/rows.py" bfloat16)
echo "MB after 0, 500, 1000, 1500 and 2000 numbers of rows"
echo "float32:                    $float32"
echo "bfloat16:                   $bfloat16"
echo "bfloat16, 64 kernels kept:  $bounded"
python3 - "$float32" "$bfloat16" "$bounded" <<'PYTHON'
import sys

plain, grown, bounded = (float(one.split()[-1]) - float(one.split()[0]) for one in sys.argv[1:])
sys.exit(not (grown > 500 and plain < 0.3 * grown and bounded < 0.8 * grown))
PYTHON
