#!/usr/bin/env bash
# `load_state_dict(..., assign=True)` puts the tensors of a file in place of the weights, as large models on the meta device need it.
# One would guess that weights which were one before, as an embedding tied to the output layer, stay one, or become two that
# differ. They become two parameters over one memory: each has its own half of the gradient, and the optimizer updates the memory
# twice in each step. AdamW moves every tied weight by twice the learning rate, the count of parameters grows, the norm for clipping
# changes, and `lm_head.weight is embed.weight` is false although a comparison of values says that they are tied. Tie them again.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6 2> /dev/null
"$work/venv/bin/python" - "$work/weights.pt" <<'PYTHON'
import sys

import torch
from torch import nn

print("torch", torch.__version__)


class Language(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.lm_head = nn.Embedding(16, 8), nn.Linear(8, 16, bias=False)
        self.lm_head.weight = self.embed.weight

    def forward(self, tokens):
        return self.lm_head(self.embed(tokens))


def step(model):
    """How many parameters it has, the norm of all gradients, and how far AdamW moves the weights at most in its first step."""
    before = model.embed.weight.detach().clone()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0.0)
    tokens = torch.arange(16)
    nn.functional.cross_entropy(model(tokens), tokens.roll(1)).backward()
    norm = float(nn.utils.clip_grad_norm_(model.parameters(), 1e9))
    optimizer.step()
    moved = float((model.embed.weight.detach() - before).abs().max())
    return sum(weight.numel() for weight in model.parameters()), round(norm, 3), round(moved, 4)


torch.manual_seed(0)
torch.save(Language().state_dict(), sys.argv[1])
copied, assigned = Language(), Language()
copied.load_state_dict(torch.load(sys.argv[1]))
assigned.load_state_dict(torch.load(sys.argv[1]), assign=True)
again = Language()
again.load_state_dict(torch.load(sys.argv[1]), assign=True)
again.lm_head.weight = again.embed.weight
one = assigned.lm_head.weight is assigned.embed.weight, assigned.lm_head.weight.data_ptr() == assigned.embed.weight.data_ptr()
print(f"after assign=True: one parameter: {one[0]}, one memory: {one[1]}")
found = {"copied": step(copied), "assigned": step(assigned), "assigned and tied again": step(again)}
for name, (count, norm, moved) in found.items():
    print(f"{name}: {count} parameters, norm {norm}, weights move by {moved} at a learning rate of 0.01")
print("expected: equal lines")
right = found["copied"] == found["assigned and tied again"] and found["copied"][2] == 0.01
count, norm, moved = found["assigned"]
sys.exit(not (right and one == (False, True) and count == 256 and norm != found["copied"][1] and moved > 0.019))
PYTHON
