#!/usr/bin/env bash
# The norms of the columns of a sharded weight of torch (FSDP2, tensor parallel) are parts until they are asked for, and one would
# guess that their sum is right if one takes care and asks for the whole of it, by `full_tensor()`. torch adds the norms of the columns
# of each shard first, and takes the root of the sum of squares of those sums: `weight.norm(dim=0).sum()` is too small, in every
# process alike, without an error or a warning. So is a penalty of groups of weights (group lasso) that is logged or compared; its
# gradient is right. The mean, the maximum and what is computed with each norm (`(norms * 1).sum()`) are right.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6 2> /dev/null
cat > "$work/norms.py" <<'PYTHON'
import sys

import torch
import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import Shard, distribute_tensor

NUMBERS = {
    "sum of the columns' norms": lambda weight: weight.norm(dim=0).sum(),
    "sum of their cubic norms": lambda weight: torch.linalg.vector_norm(weight, 3, dim=0).sum(),
    "mean": lambda weight: weight.norm(dim=0).mean(),
    "maximum": lambda weight: weight.norm(dim=0).max(),
    "sum of norms times 1": lambda weight: (weight.norm(dim=0) * 1).sum(),
    "sum of the rows' norms": lambda weight: weight.norm(dim=1).sum(),
}


def whole(tensor):
    return (tensor.full_tensor() if hasattr(tensor, "full_tensor") else tensor).detach()


def value_and_gradient(number, weight):
    weight.requires_grad_()
    value = number(weight)
    value.backward()
    return whole(value).item(), whole(weight.grad)


def process(rank, folder):
    dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
    mesh = init_device_mesh("cpu", (2,))
    weight = torch.randn(8, 6, generator=torch.Generator().manual_seed(0))
    found = {name: value_and_gradient(number, distribute_tensor(weight.clone(), mesh, [Shard(0)])) for name, number in NUMBERS.items()}
    if rank == 0:
        torch.save(found, f"{folder}/found.pt")
    dist.destroy_process_group()


if __name__ == "__main__":
    print("torch", torch.__version__)
    weight = torch.randn(8, 6, generator=torch.Generator().manual_seed(0))
    torch.multiprocessing.spawn(process, (sys.argv[1],), 2)
    ratios, gradients = [], []
    for name, (value, gradient) in torch.load(f"{sys.argv[1]}/found.pt").items():
        right, whole_gradient = value_and_gradient(NUMBERS[name], weight.clone())
        ratios.append(value / right)
        gradients.append(float((gradient - whole_gradient).abs().max()))
        print(f"two processes, {name}: {value:.4f}, right is {right:.4f}; gradient off by {gradients[-1]:.4f}")
    print("expected: equal numbers, and 0.0000")
    sys.exit(not (max(ratios[:2]) < 0.99 and max(abs(one - 1) for one in ratios[2:]) < 1e-4 and max(gradients) < 1e-4))
PYTHON
OMP_NUM_THREADS=1 "$work/venv/bin/python" -W ignore "$work/norms.py" "$work" 2> "$work/log" || { cat "$work/log" >&2; exit 1; }
