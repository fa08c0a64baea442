#!/usr/bin/env bash
# torch's sums in bfloat16 are added up in float32: the sum of 2000 ones is 2000, and so is the gradient of the bias of a linear
# layer. One would guess the same of every gradient. On a CPU the gradients of an embedding, of an indexed tensor and of the bias
# of a LayerNorm in bfloat16 are added up in bfloat16, where 256 + 1 is 256: a token that comes 2000 times learns as if it came
# 256 times, without a warning. Of a LayerNorm this is so under autocast too, though its weights and gradients are float32. Its
# input in float32 gives the right ones. `index_add` stops as well, `scatter_add`, `index_select`, RMSNorm do not.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6 2> /dev/null
"$work/venv/bin/python" - <<'PYTHON'
import sys

import torch
from torch import nn

torch.set_num_threads(1)  # each thread of a LayerNorm adds up a part of its own
torch.manual_seed(0)
BF16, COUNT = torch.bfloat16, 2000
print("torch", torch.__version__)
token = torch.zeros(COUNT, dtype=torch.long)
ones = torch.ones(COUNT, dtype=BF16)


def gradient(weight, output):
    output.sum().backward()
    return float(weight.grad.flatten()[0])


def embedded():
    layer = nn.Embedding(4, 2, dtype=BF16)
    return gradient(layer.weight, layer(token))


def indexed():
    weight = torch.zeros(4, 2, dtype=BF16, requires_grad=True)
    return gradient(weight, weight[token])


def selected():
    weight = torch.zeros(4, 2, dtype=BF16, requires_grad=True)
    return gradient(weight, weight.index_select(0, token))


def normed():
    layer = nn.LayerNorm(2, dtype=BF16)
    return gradient(layer.bias, layer(torch.randn(COUNT, 2, dtype=BF16)))


def normed_under_autocast():
    layer, features = nn.LayerNorm(2), torch.randn(COUNT, 2).to(BF16)
    with torch.autocast("cpu", BF16):
        output = layer(features)
    return gradient(layer.bias, output)


def rms_normed():
    layer = nn.RMSNorm(2, dtype=BF16)
    return gradient(layer.weight, layer(torch.ones(COUNT, 2, dtype=BF16)))


def linear():
    layer = nn.Linear(2, 2, dtype=BF16)
    return gradient(layer.bias, layer(torch.ones(COUNT, 2, dtype=BF16)))


stopped = {"nn.Embedding": embedded(), "weight[token]": indexed(), "nn.LayerNorm, bias": normed()}
stopped["the same, weights float32, autocast"] = normed_under_autocast()
stopped["index_add"] = float(torch.zeros(1, dtype=BF16).index_add(0, token, ones))
right = {"sum": float(ones.sum()), "nn.Linear, bias": linear(), "index_select": selected()}
right["nn.RMSNorm, weight"] = rms_normed()
right["scatter_add"] = float(torch.zeros(1, dtype=BF16).scatter_add(0, token, ones))
for name, value in (stopped | right).items():
    print(f"{name:36} of {COUNT} ones: {value:g}")
print(f"expected everywhere: {COUNT}")
sys.exit(not (set(stopped.values()) == {256.0} and set(right.values()) == {float(COUNT)}))
PYTHON
