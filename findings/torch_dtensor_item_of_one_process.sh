#!/usr/bin/env bash
# A sharded tensor of torch (FSDP2, tensor parallel) computes as if it were whole, and one would guess that a norm, a maximum or a
# count of it is that of the whole. Such a number is pending, a part in each process, and `.item()`, `float()` and `if` take the part
# without a word: the logged norm of a weight is that of one shard, another in each process, `if (gradient > 8).any()` goes one way
# here and the other way there, and a count of zeros is that of a shard. `.full_tensor().item()` is right.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6 2> /dev/null
cat > "$work/parts.py" <<'PYTHON'
import os
import sys

import torch
import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import Shard, distribute_tensor

WHOLE = torch.tensor([[3.0, 1], [9, 2], [0, 8], [4, 7]])
NUMBERS = {
    "norm": lambda tensor: tensor.norm(),
    "max": lambda tensor: tensor.max(),
    "sum": lambda tensor: tensor.sum(),
    "mean": lambda tensor: tensor.mean(),
    "zeros": lambda tensor: (tensor == 0).sum(),
    "any over 8": lambda tensor: (tensor > 8).any(),
    "deviation": lambda tensor: tensor.std(),
}


def process(rank, folder):
    os.environ.update(RANK=str(rank), WORLD_SIZE="2")
    dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
    sharded = distribute_tensor(WHOLE.clone(), init_device_mesh("cpu", (2,)), [Shard(0)])
    pending = {name: number(sharded) for name, number in NUMBERS.items()}
    found = {name: (round(number.item(), 3), round(number.full_tensor().item(), 3)) for name, number in pending.items()}
    found["if"] = "true" if pending["any over 8"] else "false"
    torch.save(found, f"{folder}/{rank}.pt")
    dist.destroy_process_group()


if __name__ == "__main__":
    print("torch", torch.__version__)
    torch.multiprocessing.spawn(process, (sys.argv[1],), 2)
    first, second = (torch.load(f"{sys.argv[1]}/{rank}.pt") for rank in (0, 1))
    wrong = []
    for name, number in NUMBERS.items():
        right = round(number(WHOLE).item(), 3)
        print(f"{name}: {right} of the whole; .item() is {first[name][0]} and {second[name][0]} in two processes; .full_tensor() {first[name][1]}")
        assert first[name][1] == second[name][1] == right
        wrong += [name] * ((first[name][0], second[name][0]) != (right, right))
    print(f"if (tensor > 8).any(): {first['if']} and {second['if']}")
    print("expected: the number of the whole everywhere")
    sys.exit(wrong != ["norm", "max", "sum", "mean", "zeros", "any over 8"] or (first["if"], second["if"]) != ("true", "false"))
PYTHON
OMP_NUM_THREADS=1 "$work/venv/bin/python" -W ignore "$work/parts.py" "$work" 2> "$work/log" || { cat "$work/log" >&2; exit 1; }
