#!/usr/bin/env bash
# `summary` of torchinfo gives the multiplications of a model, and one would guess that a linear layer over 50 tokens has 50 times
# those of one. torchinfo multiplies its weights by the first dimension of the input alone: for (batch, tokens, width) it counts one
# token a row, for the same rows as (batch * tokens, width) all of them. The numbers of a transformer are too low by the length of
# its input, and do not change with it; what attention multiplies is not counted either. And weights that are tied, such as those
# of the embedding and the head, are counted twice. Convolutions are counted right.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torchinfo==1.8.0 torch==2.13.0 numpy==2.4.6 2> /dev/null
OMP_NUM_THREADS=1 "$work/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import torch
import torchinfo
from torch import nn

print(f"torchinfo {torchinfo.__version__}, torch {torch.__version__}")
IN, OUT = 32, 64
linear = nn.Linear(IN, OUT, bias=False)
patches = nn.Conv2d(3, OUT, 16, stride=16, bias=False)


class Tied(nn.Module):
    """An embedding and a head of one matrix."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(100, IN)
        self.head = nn.Linear(IN, 100, bias=False)
        self.head.weight = self.embedding.weight

    def forward(self, tokens):
        return self.head(self.embedding(tokens))


def multiplications(module, *shape):
    return torchinfo.summary(module, input_size=shape, verbose=0).total_mult_adds


seen = {}
for shape in ((1, IN), (50, IN), (1, 50, IN), (2, 50, IN), (1, 5000, IN)):
    rows = torch.Size(shape[:-1]).numel()
    seen[shape] = multiplications(linear, *shape), rows * IN * OUT
    print(f"a linear layer on {shape}: {seen[shape][0]}, expected {seen[shape][1]}")
convolution = multiplications(patches, 1, 3, 64, 64), 16 * 3 * 16 * 16 * OUT
print("a convolution on 64 x 64 pixels: {}, expected {}".format(*convolution))
model = Tied()
weights = torchinfo.summary(model, input_data=torch.zeros(1, 50, dtype=torch.long), verbose=0).total_params
right = sum(one.numel() for one in model.parameters())
print(f"weights of an embedding and a head that is tied to it: {weights}, expected {right}")
ratios = [right / counted for counted, right in seen.values()]
sys.exit(not (ratios == [1, 1, 50, 50, 5000] and convolution[0] == convolution[1] and weights == 2 * right))
PYTHON
