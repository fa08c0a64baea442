#!/usr/bin/env bash
# `torch.autocast` keeps the low-precision copy of a weight until the outermost block ends. In a training loop that stands as a
# whole inside one block, every forward pass goes on with the weights of the first: the loss stays the same to the last bit,
# gradients are those of the first weights, and the optimizer walks away with them. Nothing warns. A block for each step
# learns, and so does one block with `cache_enabled=False`.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6 2> /dev/null
"$work/venv/bin/python" - <<'PYTHON'
import contextlib
import sys

import torch
from torch.nn.functional import mse_loss

print("torch", torch.__version__)
torch.manual_seed(0)
inputs = torch.randn(64, 16)
targets = inputs @ torch.randn(16, 1)


def learn(around_the_loop, around_a_step):
    """The loss of the first step and of the last of 100, and that of the learned weights in float32."""
    torch.manual_seed(1)
    layer = torch.nn.Linear(16, 1)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.05)
    losses = []
    with around_the_loop:
        for _ in range(100):
            with around_a_step():
                loss = mse_loss(layer(inputs).float(), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    with torch.no_grad():
        return losses[0], losses[-1], mse_loss(layer(inputs), targets).item()


def autocast(**options):
    return torch.autocast("cpu", torch.bfloat16, **options)


found = {
    "a block for each step": learn(contextlib.nullcontext(), autocast),
    "one block around all steps": learn(autocast(), contextlib.nullcontext),
    "the same, cache_enabled=False": learn(autocast(cache_enabled=False), contextlib.nullcontext),
}
print("expected: the same three losses in each line")
for name, (first, last, after) in found.items():
    print(f"{name}: loss of step 1 {first:.4f}, of step 100 {last:.4f}, of the learned weights {after:.4f}")
each, one, without = found.values()
sys.exit(not (each == without and each[1] < 0.01 and one[0] == one[1] and one[2] > 100 * one[0]))
PYTHON
