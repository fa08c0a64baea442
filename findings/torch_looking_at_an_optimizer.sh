#!/usr/bin/env bash
# `get_optimizer_state_dict` and `get_state_dict` of torch.distributed.checkpoint are said to return the state of an optimizer. Where
# it has none yet, they run a step with gradients of zero first, so that there is one to return, and leave it in the optimizer.
# The weights stay, as the learning rate is 0 meanwhile, but the step counts: AdamW's first update is then corrected as if it
# were the second, and is a quarter smaller. A run that saves a checkpoint before its first step learns otherwise than one that
# does not, also in one process and without any sharding. `optimizer.state_dict()` only looks.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6 2> /dev/null
"$work/venv/bin/python" - <<'PYTHON'
import sys

import torch
from torch.distributed.checkpoint.state_dict import get_optimizer_state_dict, get_state_dict

print("torch", torch.__version__)


def first_update(look):
    """Steps that the optimizer counts before its first, and by how much its first moves each weight."""
    torch.manual_seed(1)
    layer = torch.nn.Linear(4, 1)
    optimizer = torch.optim.AdamW(layer.parameters(), lr=0.1, weight_decay=0.0)
    look(layer, optimizer)
    counted = int(optimizer.state[layer.weight].get("step", 0))
    before = layer.weight.detach().clone()
    layer(torch.ones(2, 4)).sum().backward()
    optimizer.step()
    return counted, round((layer.weight.detach() - before).mean().item(), 4)


found = {
    "not looked at": first_update(lambda layer, optimizer: None),
    "optimizer.state_dict": first_update(lambda layer, optimizer: optimizer.state_dict()),
    "get_optimizer_state_dict": first_update(get_optimizer_state_dict),
    "get_state_dict": first_update(get_state_dict),
}
print("expected: 0 steps counted, and the same first update in each line")
for name, (counted, update) in found.items():
    print(f"{name}: {counted} steps counted, the first update is {update}")
plain, own, dcp, both = found.values()
sys.exit(not (plain == own == (0, -0.1) and dcp == both and dcp[0] == 1 and -0.08 < dcp[1] < -0.07))
PYTHON
