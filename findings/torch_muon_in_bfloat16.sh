#!/usr/bin/env bash
# One would guess that torch.optim.Muon computes in the dtype of its weights, as torch.optim.AdamW does. It orthogonalises in
# bfloat16 whatever they are: updates of float32 weights are about 1 % off those of the same formula in float32, and weights
# that two processes share by FSDP2 end elsewhere than those of one process, by far more than rounding in float32. Whoever holds
# "sharded equals alone" or "resumed equals uninterrupted" by a test should compute in float32 on gathered matrices.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6 2> /dev/null
cat > "$work/train.py" <<'PYTHON'
import sys

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard

A, B, C = 3.4445, -4.7750, 2.0315


def orthogonalised(matrix):
    matrix = matrix / matrix.norm()
    for _ in range(5):
        gram = matrix @ matrix.T
        matrix = A * matrix + (B * gram + C * gram @ gram) @ matrix
    return matrix


def off(one, other):
    return float((one - other).norm() / other.norm())


def trained(make, sharded):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 96, bias=False), nn.Linear(96, 64, bias=False))
    if sharded:
        mesh = init_device_mesh("cpu", (2,))
        for layer in model:
            fully_shard(layer, mesh=mesh)
        fully_shard(model, mesh=mesh)
    optimizer, inputs = make(model.parameters()), torch.randn(8, 64, generator=torch.Generator().manual_seed(1))
    for _ in range(5):
        optimizer.zero_grad()
        model(inputs).square().mean().backward()
        optimizer.step()
    weight = next(model.parameters()).detach()
    return weight.full_tensor() if sharded else weight


dist.init_process_group("gloo")
torch.manual_seed(0)
weight = nn.Parameter(torch.zeros(64, 256))
weight.grad = torch.randn(weight.shape)
torch.optim.Muon([weight], lr=1.0, weight_decay=0.0, momentum=0.0, nesterov=False).step()
update = off(-weight.detach(), orthogonalised(weight.grad))
muon, adamw = (
    off(trained(make, True), trained(make, False))
    for make in (lambda weights: torch.optim.Muon(weights, lr=0.01), lambda weights: torch.optim.AdamW(weights, lr=0.01))
)
if dist.get_rank() == 0:
    print("torch", torch.__version__)
    print(f"Muon of float32 weights: update off by {update:.2%} (one would expect less than 0.01 %)")
    print(f"two processes against one after five steps: Muon {muon:.2%}, AdamW {adamw:.5%} (one would expect the same)")
dist.destroy_process_group()
sys.exit(not (update > 0.005 and muon > 0.001 and adamw < 1e-5))
PYTHON
OMP_NUM_THREADS=1 "$work/venv/bin/python" -m torch.distributed.run --nproc-per-node 2 "$work/train.py" 2> "$work/errors" || { cat "$work/errors"; exit 1; }
