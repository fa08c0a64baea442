#!/usr/bin/env bash
# AdamW keeps a mean of squared gradients, in the dtype of the weights. One would guess that in bfloat16 it is rough and follows
# the gradients all the same. Each step takes it times 0.999, and a number of 8 bits times 0.999 is that number again: the mean
# can rise and never falls. After one large gradient all later updates stay small for ever, with every implementation, fused
# too; after none it stops on the way up, and they are too large. A beta2 of 0.99 moves it. Keep float32 weights and take
# autocast.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.14.1 numpy==2.4.6 2> /dev/null
"$work/venv/bin/python" - <<'PYTHON'
import sys

import torch

print("torch", torch.__version__)
torch.set_num_threads(1)
STEPS = 8000


def after(dtype, first, beta2=0.999, **how):
    """The mean square after the first step and the last, and the last update over the learning rate; all later gradients are 0.1."""
    weight = torch.nn.Parameter(torch.ones(4, dtype=dtype))
    optimizer = torch.optim.AdamW([weight], lr=1e-4, betas=(0.9, beta2), weight_decay=0.0, **how)
    squares = []
    for step in range(STEPS):
        weight.grad = torch.full_like(weight, 0.1 if step else first)
        optimizer.step()
        squares.append(optimizer.state[weight]["exp_avg_sq"][0].item())
    mean = optimizer.state[weight]["exp_avg"][0].item()
    return squares[0], squares[-1], mean / (squares[-1] / (1 - beta2**STEPS)) ** 0.5


print(f"gradients of 0.1, the first 100 or 0.1, {STEPS} steps; expected: squares near 0.01 at the end, updates of about 1 x lr")
same = True
for name, how in (("plain", {"foreach": False}), ("foreach", {"foreach": True}), ("fused", {"fused": True})):
    for dtype in (torch.float32, torch.bfloat16):
        spike, steady = after(dtype, 100.0, **how), after(dtype, 0.1, **how)
        print(f"{name}, {str(dtype)[6:]}: squares {spike[0]:.3f} -> {spike[1]:.4f}, update {spike[2]:.3f} x lr;", end=" ")
        print(f"without the large one: square {steady[1]:.4f}, update {steady[2]:.2f} x lr")
        exact = dtype == torch.float32
        same &= 0.8 < spike[2] < 1.1 if exact else spike[0] == spike[1] and spike[2] < 0.05
        same &= 0.98 < steady[2] < 1.02 if exact else steady[2] > 1.3
moved = after(torch.bfloat16, 100.0, beta2=0.99, foreach=False)
print(f"plain, bfloat16, beta2 0.99: squares {moved[0]:.3f} -> {moved[1]:.4f}, update {moved[2]:.3f} x lr")
sys.exit(not (same and 0.7 < moved[2] < 1.5))
PYTHON
