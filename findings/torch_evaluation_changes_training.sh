#!/usr/bin/env bash
# One would guess that reading a DataLoader without shuffling and without workers takes no random numbers. Each `iter(loader)`
# draws one from torch's global generator, for workers it does not have. So dropout, noise and the order of the next epoch are
# others in a run that evaluates (or peeks at one batch), and two runs that differ in how often they evaluate end with other
# weights, though evaluation changes nothing. Give the loader of the evaluation a generator of its own.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.14.1 numpy==2.4.6 2> /dev/null
"$work/venv/bin/python" - <<'PYTHON'
import sys

import torch
from torch import nn
from torch.utils.data import DataLoader

print("torch", torch.__version__)


def trained(evaluation=None):
    """The order of the last epoch and a weight at the end, where the model is evaluated after each epoch or never."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Dropout(0.5), nn.Linear(4, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    rows = torch.arange(32.0).view(8, 4) / 32
    for _ in range(3):
        order = []
        for batch in DataLoader(rows, batch_size=2, shuffle=True):
            order += (batch[:, 0] * 8).int().tolist()
            model(batch).mean().backward()
            optimizer.step()
            optimizer.zero_grad()
        if evaluation is not None:
            with torch.no_grad():
                model.eval()
                for batch in evaluation(rows):
                    model(batch)
                model.train()
    return order, round(model[1].weight[0, 0].item(), 6)


found = {
    "no evaluation": trained(),
    "evaluation over a list of batches": trained(lambda rows: rows.split(2)),
    "evaluation over a DataLoader": trained(lambda rows: DataLoader(rows, batch_size=2, shuffle=False, num_workers=0)),
    "with a generator of its own": trained(lambda rows: DataLoader(rows, batch_size=2, generator=torch.Generator())),
}
print("expected: the same order of the third epoch and the same weight in each line")
for name, (order, weight) in found.items():
    print(f"{name}: {order}, {weight}")
none, plain, loader, own = found.values()
sys.exit(not (none == plain == own and loader[0] != none[0] and loader[1] != none[1]))
PYTHON
