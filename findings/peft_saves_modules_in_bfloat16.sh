#!/usr/bin/env bash
# PEFT makes the matrices of LoRA float32 where the model is bfloat16, so one would guess that all it trains is float32. The
# copies that it makes for modules_to_save stay bfloat16. At a usual learning rate most of their updates are less than half a
# unit in the last place and rounded away: a norm's weights of 1 never change.
# Nothing warns. Make them float32 after get_peft_model, and train under autocast.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 peft==0.21.2 transformers==5.24.0 2> /dev/null
"$work/venv/bin/python" - <<'PYTHON'
import sys
import warnings
from importlib.metadata import version

import torch
from peft import LoraConfig, get_peft_model
from torch import nn

print(", ".join(f"{name} {version(name)}" for name in ("torch", "peft")))
torch.set_num_threads(1)
STEPS, RATE = 200, 1e-4


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.norm, self.head = nn.Linear(64, 64), nn.LayerNorm(64), nn.Linear(64, 8)

    def forward(self, inputs):
        return self.head(self.norm(self.first(inputs)))


def changed(is_float):
    """The share of the weights of norm and head that 200 steps have changed."""
    torch.manual_seed(0)
    config = LoraConfig(r=4, target_modules=["first"], modules_to_save=["norm", "head"])
    model = get_peft_model(Model().bfloat16(), config)
    trained = {name: one for name, one in model.named_parameters() if one.requires_grad}
    if is_float:
        for one in trained.values():
            one.data = one.data.float()
    print({name.split("model.")[-1]: str(one.dtype) for name, one in trained.items() if name.endswith("weight")})
    saved = {name: one.detach().clone() for name, one in trained.items() if "modules_to_save" in name and "weight" in name}
    inputs, targets = torch.randn(256, 64), torch.randn(256, 8)
    optimizer = torch.optim.AdamW(trained.values(), lr=RATE, weight_decay=0.0)
    for _ in range(STEPS):
        with torch.autocast("cpu", torch.bfloat16):
            loss = (model(inputs.bfloat16()).float() - targets).square().mean()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return {name.split(".")[2]: float((trained[name] != before).float().mean()) for name, before in saved.items()}


with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    as_made, as_float = changed(is_float=False), changed(is_float=True)
print(f"share of the weights that {STEPS} steps at {RATE} changed: {as_made}; with float32 copies: {as_float}")
print(f"warnings: {[str(one.message) for one in caught]}")
print("expected: no weight of the norm, and all of it with float32 copies")
sys.exit(not (as_made["norm"] == 0 and as_float["norm"] == 1 and not caught))
PYTHON
