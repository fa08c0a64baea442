#!/usr/bin/env bash
# Over a batch sharded among processes, as tensor and context parallel runs have it, one would guess that a loss of torch gives the
# value and the gradients of the whole batch. `mse_loss`, `smooth_l1_loss`, `huber_loss` and `binary_cross_entropy` divide the gradient
# by the elements of a shard instead of all: with two processes it is twice as large, with four four times. Where the batch does
# not divide evenly, their value is a mean of means, as is that of `cross_entropy` with ignored labels: nan if a shard has no
# label. The same written out, `(a - b).square().mean()`, is right, as is `l1_loss`.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6 2> /dev/null
cat > "$work/losses.py" <<'PYTHON'
import sys

import torch
import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import Shard, distribute_tensor
from torch.nn import functional as F

LOSSES = {
    "l1_loss": F.l1_loss,
    "(a - b).square().mean()": lambda a, b: (a - b).square().mean(),
    "mse_loss": F.mse_loss,
    "smooth_l1_loss": F.smooth_l1_loss,
    "huber_loss": F.huber_loss,
    "binary_cross_entropy": F.binary_cross_entropy,
    "cross_entropy, all labels": lambda a, b: F.cross_entropy(a, (b > 0.5).long()[:, 0]),
    "cross_entropy, 5 of 8 ignored": lambda a, b: F.cross_entropy(a, labels(b)),
}


def inputs():
    generator = torch.Generator().manual_seed(0)
    return [torch.rand(8, 4, generator=generator) * 0.8 + 0.1 for _ in range(2)]


def labels(b):
    kept = torch.tensor([0, -100, -100, -100, 1, 2, -100, -100])
    return distribute_tensor(kept, b.device_mesh, [Shard(0)]) if hasattr(b, "device_mesh") else kept


def value_and_gradient(loss, a, b):
    a.requires_grad_()
    value = loss(a, b)
    value.backward()
    whole = [one.full_tensor() if hasattr(one, "full_tensor") else one for one in (value.detach(), a.grad)]
    return float(whole[0]), whole[1]


def process(rank, folder, processes):
    dist.init_process_group("gloo", init_method=f"file://{folder}/meeting of {processes}", rank=rank, world_size=processes)
    mesh = init_device_mesh("cpu", (processes,))
    found = {name: value_and_gradient(loss, *(distribute_tensor(one, mesh, [Shard(0)]) for one in inputs())) for name, loss in LOSSES.items()}
    uneven = [distribute_tensor(one[:5], mesh, [Shard(0)]) for one in inputs()]
    found["uneven"] = F.mse_loss(*uneven).full_tensor().item(), (uneven[0] - uneven[1]).square().mean().full_tensor().item()
    if rank == 0:
        torch.save(found, f"{folder}/found_{processes}.pt")
    dist.destroy_process_group()


if __name__ == "__main__":
    print("torch", torch.__version__)
    ratios = {}
    for processes in (2, 4):
        torch.multiprocessing.spawn(process, (sys.argv[1], processes), processes)
        found = torch.load(f"{sys.argv[1]}/found_{processes}.pt")
        for name, loss in LOSSES.items():
            (value, gradient), (right, whole) = found[name], value_and_gradient(loss, *inputs())
            ratio = ratios[processes, name] = round(value / right, 3), round(float(gradient.norm() / whole.norm()), 3)
            print(f"{processes} processes, {name}: value x {ratio[0]}, gradient x {ratio[1]}")
        print("{} processes, 5 rows: mse_loss {:.5f}, written out {:.5f}".format(processes, *found["uneven"]))
        ratios[processes, "uneven"] = found["uneven"][0] / found["uneven"][1]
    print("expected: x 1.0 everywhere, and two equal numbers")
    names = list(LOSSES)
    right = all(ratios[processes, name] == (1, 1) for processes in (2, 4) for name in (*names[:2], names[6]))
    scaled = all(ratios[processes, name] == (1, processes) for processes in (2, 4) for name in names[2:6])
    ignored, no_labels = ratios[2, names[7]][0], ratios[4, names[7]][0]
    sys.exit(not (right and scaled and abs(ratios[2, "uneven"] - 1) > 0.01 and abs(ignored - 1) > 0.01 and no_labels != no_labels))
PYTHON
OMP_NUM_THREADS=1 "$work/venv/bin/python" -W ignore "$work/losses.py" "$work" 2> "$work/log" || { cat "$work/log" >&2; exit 1; }
