#!/usr/bin/env bash
# torch's `FlopCounterMode` counts the operations of a model, forward and backward, as they are executed, and one would guess that
# it misses nothing large. On a CPU it counts zero for `scaled_dot_product_attention`, forward and backward, for an LSTM, and
# for the whole of `nn.TransformerEncoderLayer` and `nn.MultiheadAttention` in evaluation without gradients, where one fused call
# does it all. And the backward pass of a depthwise convolution counts many times too high: it takes one of two
# products for one over all channels. There is no warning. On the device "meta" attention is counted, and needs no memory.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6 2> /dev/null
OMP_NUM_THREADS=1 "$work/venv/bin/python" - <<'PYTHON'
import sys
import warnings

import torch
from torch import nn
from torch.nn.functional import scaled_dot_product_attention
from torch.utils.flop_counter import FlopCounterMode

print("torch", torch.__version__)
warnings.simplefilter("error")
ROWS, WIDTH = 64, 32
ATTENTION = 2 * 2 * ROWS * ROWS * WIDTH  # two products, a multiplication and an addition each
PROJECTIONS = 4 * 2 * ROWS * WIDTH * WIDTH
DEPTHWISE = 2 * 64 * 64 * 8 * 9


def counted(function, *inputs, backward=False):
    with FlopCounterMode(display=False) as counter, torch.set_grad_enabled(backward):
        output = function(*inputs)
        if backward:
            output.sum().backward()
    return counter.get_total_flops()


def written_out(x):
    return (x @ x.transpose(-1, -2)).softmax(-1) @ x


def attention(x):
    return scaled_dot_product_attention(x, x, x)


def inputs(device="cpu"):
    return torch.ones(1, 1, ROWS, WIDTH, device=device, requires_grad=True)


rows = torch.ones(1, ROWS, WIDTH)
picture = torch.ones(1, 8, 64, 64, requires_grad=True)
layer = nn.TransformerEncoderLayer(WIDTH, 4, 4 * WIDTH, batch_first=True)
heads = nn.MultiheadAttention(WIDTH, 4, batch_first=True)
depthwise = nn.Conv2d(8, 8, 3, padding=1, groups=8, bias=False)
CASES = {
    "attention written out": (counted(written_out, inputs()), ATTENTION),
    "attention written out, and backward": (counted(written_out, inputs(), backward=True), 3 * ATTENTION),
    "scaled_dot_product_attention on meta": (counted(attention, inputs("meta")), ATTENTION),
    "depthwise convolution": (counted(depthwise, picture), DEPTHWISE),
    "scaled_dot_product_attention": (counted(attention, inputs()), ATTENTION),
    "scaled_dot_product_attention, and backward": (counted(attention, inputs(), backward=True), 3 * ATTENTION),
    "MultiheadAttention in evaluation": (counted(lambda x: heads.eval()(x, x, x)[0], rows), ATTENTION + PROJECTIONS),
    "TransformerEncoderLayer in evaluation": (counted(layer.eval(), rows), ATTENTION + 3 * PROJECTIONS),
    "LSTM": (counted(nn.LSTM(WIDTH, WIDTH, batch_first=True), rows), 2 * PROJECTIONS),
    "depthwise convolution, and backward": (counted(depthwise, picture, backward=True), 3 * DEPTHWISE),
}
for name, (seen, right) in CASES.items():
    print(f"{name}: {seen}, expected {right}")
ratios = [seen / right for seen, right in CASES.values()]
sys.exit(not (ratios[:4] == [1] * 4 and ratios[4:9] == [0] * 5 and ratios[9] > 2))
PYTHON
