#!/usr/bin/env bash
# A frozen 4-bit layer (NF4) of bitsandbytes passes gradients to what lies before it: QLoRA trains so. `eval()` and a pass without
# gradients should change nothing of that. On a CPU with instructions for bfloat16 (AVX512-BF16) that pass packs the weight in
# place for another kernel, and `train()` does not unpack it: from then on the layer returns products of bfloat16 where float32 was
# asked for, and no gradient passes it. There is no error, only a warning of autograd. The first validation of a run ends its
# training. The same pass raises where the outputs are no multiple of 32.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6 bitsandbytes==0.50.2 2> /dev/null
"$work/venv/bin/python" -W ignore - 2> "$work/log" <<'PYTHON' || { cat "$work/log" >&2; exit 1; }
import sys

import bitsandbytes
import torch
from bitsandbytes.functional import dequantize_4bit, has_avx512bf16

print("torch", torch.__version__, "bitsandbytes", bitsandbytes.__version__)
if not has_avx512bf16():
    sys.exit(print("this CPU has no AVX512-BF16: nothing is packed, nothing to see"))


def layer(outputs):
    torch.manual_seed(0)
    made = bitsandbytes.nn.Linear4bit(128, outputs, bias=False, compute_dtype=torch.float32, quant_type="nf4")
    made.weight = bitsandbytes.nn.Params4bit(torch.randn(outputs, 128), requires_grad=False, quant_type="nf4", module=made)
    return made.to("cpu")


def trained(linear, features):
    """Outputs and gradient of the features, None where none arrives."""
    features = features.clone().requires_grad_()
    outputs = linear.train()(features)
    outputs.sum().backward()
    return outputs.detach(), features.grad


linear, features = layer(64), torch.randn(8, 128)
weight = dequantize_4bit(linear.weight.data, linear.weight.quant_state)
before, gradient = trained(linear, features)
with torch.no_grad():
    linear.eval()(features)
after, lost = trained(linear, features)
print(f"before an evaluation: off by {(before - features @ weight.T).abs().max():.1e}, gradient {tuple(gradient.shape)}")
print(f"after it:             off by {(after - features @ weight.T).abs().max():.1e}, gradient {lost}")
try:
    with torch.no_grad():
        layer(40).eval()(features)
    refused = False
except AssertionError as error:
    refused = True
    print("40 outputs in evaluation:", error)
near = torch.allclose(before, features @ weight.T, atol=1e-4) and torch.allclose(gradient, weight.sum(0).expand(8, -1), atol=1e-4)
far = (after - before).abs().max() > 1e-2
sys.exit(not (near and far and lost is None and refused))
PYTHON
