#!/usr/bin/env bash
# `vector_to_parameters` says that it copies slices of a vector into parameters. One would guess that the vector is free
# afterwards, and so are two models that were filled from it. The parameters become views of it, of its dtype: training after it
# changes the vector that was kept as the best one, a model filled from the same vector learns along, and a float32 vector makes
# bfloat16 weights float32. Give it a clone of the vector, in the dtype of the weights.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.14.0 numpy==2.4.6 2> /dev/null
OMP_NUM_THREADS=1 "$work/venv/bin/python" - 2> /dev/null <<'PYTHON'
import sys

import torch
from torch import nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters

print("torch", torch.__version__)
print("its docstring:", vector_to_parameters.__doc__.strip().splitlines()[0])
torch.manual_seed(0)


def learn(layer):
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.5)
    layer(torch.ones(1, 3)).sum().backward()
    optimizer.step()


def first_and_kept(give):
    """Fill two layers from one vector and train one: whether the vector and the other layer stay as they were."""
    trained, other = nn.Linear(3, 3), nn.Linear(3, 3)
    best = parameters_to_vector(nn.Linear(3, 3).parameters()).detach()
    kept = best.clone()
    vector_to_parameters(give(best), trained.parameters())
    vector_to_parameters(give(best), other.parameters())
    learn(trained)
    return torch.equal(best, kept), torch.equal(parameters_to_vector(other.parameters()), kept)


half = nn.Linear(3, 3).bfloat16()
vector_to_parameters(parameters_to_vector(half.parameters()).detach().float(), half.parameters())
as_it_is, of_clones = first_and_kept(lambda vector: vector), first_and_kept(torch.clone)
print("after one step of the first layer: (the vector is as it was, the second layer is as it was)")
print(f"filled from the vector {as_it_is}, from clones {of_clones}; bfloat16 weights are now {half.weight.dtype}")
print("expected: (True, True) of both, and bfloat16")
sys.exit(not (as_it_is == (False, False) and of_clones == (True, True) and half.weight.dtype == torch.float32))
PYTHON
