#!/usr/bin/env bash
# torch's optimizers take the learning rate as a tensor too, so that compiled or captured steps need not be compiled again,
# and one would guess that it means the same as a number: the first rate of every group of parameters. But all groups get the
# one tensor, and schedulers write into it. With two groups, for weights with decay and without, ReduceLROnPlateau divides by
# 4 where it should halve, and by 1024 with ten groups. A rate for each group, by a list of functions or of `max_lr`, becomes
# the last one for all groups. Nothing warns. A tensor of its own in each group is right: `{"params": ..., "lr":
# torch.tensor(1e-3)}`.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6 2> /dev/null
"$work/venv/bin/python" - <<'PYTHON'
import sys

import torch
from torch.optim import lr_scheduler

print("torch", torch.__version__)
SCHEDULERS = {
    "ReduceLROnPlateau(factor=0.5)": lambda made: lr_scheduler.ReduceLROnPlateau(made, factor=0.5, patience=0),
    "LambdaLR([one, a tenth])": lambda made: lr_scheduler.LambdaLR(made, [lambda step: 1.0, lambda step: 0.1]),
    "OneCycleLR(max_lr=[1.0, 0.1])": lambda made: lr_scheduler.OneCycleLR(made, max_lr=[1.0, 0.1], total_steps=6, cycle_momentum=False),
}


def rates(make, rate, of_its_own=None):
    """Those of both groups in each of three steps."""
    groups = [{"params": [torch.nn.Parameter(torch.ones(2))]} for _ in range(2)]
    for group in groups if of_its_own is not None else ():
        group["lr"] = torch.tensor(of_its_own)
    optimizer = torch.optim.AdamW(groups, lr=rate, fused=True)
    scheduler, seen = make(optimizer), []
    for _ in range(3):
        seen.append([round(float(group["lr"]), 4) for group in optimizer.param_groups])
        optimizer.step()
        scheduler.step(*([1.0] if isinstance(scheduler, lr_scheduler.ReduceLROnPlateau) else []))
    return seen


results = []
for name, make in SCHEDULERS.items():
    number, tensor, own = rates(make, 1.0), rates(make, torch.tensor(1.0)), rates(make, torch.tensor(1.0), 1.0)
    results.append((number == tensor, number == own))
    print(f"{name}, rates of the two groups in three steps\n  lr=1.0:               {number}\n  lr=torch.tensor(1.0): {tensor}")
    print(f"  a tensor for each:    {own}")
print("expected: three equal lines each time")
sys.exit(results != [(False, True)] * 3)
PYTHON
