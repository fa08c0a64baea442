#!/usr/bin/env bash
# `torch.utils.checkpoint` computes a block again in the backward pass, and restores the state of random numbers for it, so that
# dropout drops the same values. One would guess that it is as safe to draw them from a generator of one's own, which the rest
# of a program does not disturb. It restores torch's own generators alone: the block is computed again with other numbers, and
# the gradients are those of another mask than the output's. They have the right shape and size, and there is neither an error
# nor a warning, with `use_reentrant` or without, for `determinism_check` compares shapes, dtypes and devices. Draw such numbers
# outside the block and pass them to it.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.14.0 numpy==2.4.6 2> /dev/null
OMP_NUM_THREADS=1 "$work/venv/bin/python" - <<'PYTHON'
import sys
import warnings

import torch
from torch.utils.checkpoint import checkpoint

print("torch", torch.__version__)


def drop(values, generator):
    """Half of the values, squared."""
    return (values * (torch.rand(values.shape, generator=generator) < 0.5)).square()


def disagreements(generator, use_reentrant, drawn_outside=False):
    """Where there is a gradient and no output, or an output and no gradient, of 1000 values."""
    values = torch.ones(1000, requires_grad=True)
    if drawn_outside:
        mask = torch.rand(1000, generator=generator) < 0.5
        output = checkpoint(lambda inner, kept: (inner * kept).square(), values, mask, use_reentrant=use_reentrant)
    else:
        output = checkpoint(drop, values, generator, use_reentrant=use_reentrant)
    output.sum().backward()
    return int(((output != 0) != (values.grad != 0)).sum())


found = {}
with warnings.catch_warnings(record=True) as warned:
    warnings.simplefilter("always")
    for use_reentrant in (False, True):
        torch.manual_seed(0)
        own = torch.Generator().manual_seed(0)
        found[use_reentrant] = [
            disagreements(None, use_reentrant), disagreements(own, use_reentrant), disagreements(own, use_reentrant, True)
        ]
for use_reentrant, (default, own, outside) in found.items():
    print(f"use_reentrant={use_reentrant}: gradients of another mask: {default} of 1000 by torch's generator, {own} by one's own,"
          f" {outside} by one's own drawn outside")
print("warnings:", [str(one.message) for one in warned])
print("expected: 0 of 1000 each time")
sys.exit(not all(seen[0] == seen[2] == 0 and seen[1] > 300 for seen in found.values()) or bool(warned))
PYTHON
