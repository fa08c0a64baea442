#!/usr/bin/env bash
# A model of pictures and text is often trained in stages: first the projector with all else frozen, then more. One would guess that
# DistributedDataParallel averages the gradients of weights that are unfrozen (`requires_grad_(True)`) after the model was wrapped. It
# averages those that were trainable when it was made, and leaves the others alone, without an error or a warning: each process then
# trains its own copy on its part of the data, the copies drift apart, and the one of process 0 is saved. Wrap the model again after
# unfreezing, or wrap it with everything trainable and freeze afterwards. FSDP2 (`fully_shard`) averages them.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6 2> /dev/null
cat > "$work/stages.py" <<'PYTHON'
import sys
import warnings

import torch
import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.nn.parallel import DistributedDataParallel


def again(wrapped):
    return DistributedDataParallel(wrapped.module)


def sharded(model):
    return fully_shard(model, mesh=init_device_mesh("cpu", (2,)))


WAYS = {  # how the model is wrapped before the first stage, and what is done before the second
    "wrapped once": (DistributedDataParallel, lambda wrapped: wrapped),
    "wrapped again": (DistributedDataParallel, again),
    "fully_shard": (sharded, lambda wrapped: wrapped),
}


def whole(tensor):
    return (tensor.full_tensor() if hasattr(tensor, "full_tensor") else tensor).detach().clone()


def trained(rank, wrap, before_the_second):
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(8, 8), torch.nn.Linear(8, 1))
    tower = model[0].requires_grad_(False)
    wrapped = wrap(model)
    rows = torch.randn(16, 8, generator=torch.Generator().manual_seed(rank))
    for stage in (1, 2):
        if stage == 2:
            tower.requires_grad_(True)
            wrapped = before_the_second(wrapped)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(5):
            optimizer.zero_grad()
            (wrapped(rows) - 1).square().mean().backward()
            optimizer.step()
    return whole(tower.weight), whole(model[1].weight)


def process(rank, folder):
    dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        ends = {name: trained(rank, *way) for name, way in WAYS.items()}
    torch.save((ends, [str(one.message) for one in told if "requires_grad" in str(one.message)]), f"{folder}/{rank}.pt")
    dist.destroy_process_group()


if __name__ == "__main__":
    print("torch", torch.__version__)
    torch.multiprocessing.spawn(process, (sys.argv[1],), 2)
    (one, told), (other, _) = (torch.load(f"{sys.argv[1]}/{rank}.pt") for rank in (0, 1))
    apart, right = {}, one["wrapped again"]
    for name in WAYS:
        apart[name] = [float((mine - yours).abs().max()) for mine, yours in zip(one[name], other[name])]
        wrong = [float((mine - well).abs().max()) for mine, well in zip(one[name], right)]
        print("{}: the copies differ by {:.4f} in the tower, {:.4f} in the projector;".format(name, *apart[name]), end=" ")
        print("process 0 from what is right by {:.4f} and {:.4f}".format(*wrong))
        apart[name] += wrong
    print("expected: 0.0000 everywhere; warnings:", told)
    others = max(max(apart[name]) for name in ("wrapped again", "fully_shard"))
    sys.exit(not (apart["wrapped once"][0] > 0.01 and apart["wrapped once"][1] == 0 and others < 1e-5 and not told))
PYTHON
OMP_NUM_THREADS=1 "$work/venv/bin/python" -W ignore "$work/stages.py" "$work" 2> "$work/log" || { cat "$work/log" >&2; exit 1; }
