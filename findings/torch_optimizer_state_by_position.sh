#!/usr/bin/env bash
# Optimizers of torch can be given names of the weights, `AdamW(model.named_parameters())`, and save them in their state. One would
# guess that `load_state_dict` then goes by these names, or complains. It goes by position: where the same weights are listed in
# another order (a module defined earlier, sorted names, another split into groups), each gets the averages of another, if only the
# number of weights is the same. Afterwards even the names in the new optimizer are the old ones, in the wrong places.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6 2> /dev/null
"$work/venv/bin/python" - <<'PYTHON'
import sys

import torch
from torch import nn

print("torch", torch.__version__)


class Net(nn.Module):
    def __init__(self, order):
        super().__init__()
        torch.manual_seed(0)
        layers = {"vision": nn.Linear(4, 4, bias=False), "language": nn.Linear(4, 4, bias=False)}
        for name in order:
            setattr(self, name, layers[name])


def trained(model, optimizer):
    """One step, with gradients of 10 in one layer and 0.1 in the other."""
    optimizer.zero_grad()
    (10 * model.vision(torch.ones(1, 4)) + 0.1 * model.language(torch.ones(1, 4))).sum().backward()
    optimizer.step()


def averages(model, optimizer):
    return {name: round(float(optimizer.state[weight]["exp_avg"].mean()), 3) for name, weight in sorted(model.named_parameters())}


first = Net(["vision", "language"])
saved = torch.optim.AdamW(first.named_parameters(), lr=0.1)
trained(first, saved)
second = Net(["language", "vision"])
second.load_state_dict(first.state_dict())
loaded = torch.optim.AdamW(second.named_parameters(), lr=0.1)
own = loaded.param_groups[0]["param_names"]
loaded.load_state_dict(saved.state_dict())
before, after = averages(first, saved), averages(second, loaded)
names = loaded.param_groups[0]["param_names"]
print(f"names in the saved state: {saved.state_dict()['param_groups'][0]['param_names']}; of the new optimizer: {own}")
print(f"averages of gradients when saved: {before}\naverages after loading:           {after}")
print(f"names in the new optimizer after loading: {names}")
trained(first, saved)
trained(second, loaded)
apart = float((first.language.weight - second.language.weight).abs().max())
print(f"after one more step the language weights differ by {apart:.3f}, at a learning rate of 0.1")
print("expected: equal averages and weights, or an error")
right = before == {"language.weight": 0.01, "vision.weight": 1.0} and after == {"language.weight": 1.0, "vision.weight": 0.01}
sys.exit(not (right and names == own[::-1] and apart > 0.01))
PYTHON
