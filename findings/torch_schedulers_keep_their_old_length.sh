#!/usr/bin/env bash
# A run of 10 epochs is to be continued to 20: the script makes `CosineAnnealingLR(optimizer, T_max=20)` and loads the state of the
# old one, so that it knows where it was. One would guess that the new length is used. `load_state_dict` brings back all settings,
# the old T_max and the old first rate among them, without a warning: the rate, 0 after 10 epochs, rises again and nears its maximum
# in the last epoch. LinearLR and PolynomialLR keep the old length as well, and a smaller learning rate given to the
# new optimizer is forgotten. LambdaLR, of which the schedulers of transformers are made, takes the new length, but the old first rate.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6 2> /dev/null
OMP_NUM_THREADS=1 "$work/venv/bin/python" - <<'PYTHON'
import math
import sys
import warnings

import torch
from torch.optim import SGD, lr_scheduler

print("torch", torch.__version__)
warnings.simplefilter("error")
OLD, NEW = 10, 20
SCHEDULERS = {
    "CosineAnnealingLR": lambda optimizer, epochs: lr_scheduler.CosineAnnealingLR(optimizer, T_max=epochs),
    "LinearLR": lambda optimizer, epochs: lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total_iters=epochs),
    "PolynomialLR": lambda optimizer, epochs: lr_scheduler.PolynomialLR(optimizer, total_iters=epochs),
    "LambdaLR": lambda optimizer, epochs: lr_scheduler.LambdaLR(optimizer, lambda epoch: (1 + math.cos(math.pi * epoch / epochs)) / 2),
}


def begun(make, epochs, rate):
    optimizer = SGD([torch.nn.Parameter(torch.ones(1))], lr=rate)
    return optimizer, make(optimizer, epochs)


def rates(optimizer, scheduler, epochs):
    """The rate of each of the next epochs."""
    seen = []
    for _ in range(epochs):
        seen.append(round(optimizer.param_groups[0]["lr"], 3))
        optimizer.step()
        scheduler.step()
    return seen


seen = {}
for name, make in SCHEDULERS.items():
    old = begun(make, OLD, 1.0)
    rates(*old, OLD)
    new = begun(make, NEW, 0.5)
    for one, other in zip(new, old):
        one.load_state_dict(other.state_dict())
    seen[name] = rates(*new, NEW - OLD)
    print(f"{name}, epochs 10 to 19: {seen[name]}")
right = rates(*begun(SCHEDULERS["CosineAnnealingLR"], NEW, 0.5), NEW)[OLD:]
print(f"expected: about {right} of the cosine, or half of it and falling if only the length is new")
cosine, linear, polynomial, function = seen.values()
rising = cosine == sorted(cosine) and cosine[0] == 0 and cosine[-1] > 0.9
print(f"CosineAnnealingLR rises: {rising}")
twice = [round(2 * one, 3) for one in right[1:]]
sys.exit(not (rising and linear == polynomial == [0.0] * 10 and all(abs(one - other) < 0.002 for one, other in zip(function[1:], twice))))
PYTHON
