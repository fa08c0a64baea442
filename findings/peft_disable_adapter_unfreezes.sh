#!/usr/bin/env bash
# `with model.disable_adapter():` of PEFT gives the base model for a moment, as for the reference of DPO, and one would guess
# that all is as before afterwards. But when it ends, every weight of the active adapter learns: an adapter that was loaded
# frozen ("can only be used for inference"), and the half of LoRA-FA that was frozen by hand. Nothing warns. Optimizers built
# later train them, and the norm for clipping counts their gradients in any case. Freeze them again after the block.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 2> /dev/null \
    torch==2.13.0 numpy==2.4.6 transformers==5.24.0 accelerate==1.15.0 peft==0.21.2
OMP_NUM_THREADS=1 "$work/venv/bin/python" -W ignore - "$work/adapter" 2> "$work/log" <<'PYTHON' || { cat "$work/log" >&2; exit 1; }
import sys
from importlib.metadata import version

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from torch import nn

print(", ".join(f"{name} {version(name)}" for name in ("torch", "peft")))
FOLDER, FEATURES = sys.argv[1], torch.randn(64, 16, generator=torch.Generator().manual_seed(0))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second = nn.Linear(16, 16), nn.Linear(16, 16)

    def forward(self, features):
        return self.second(self.first(features).relu())


def learning(model):
    return sorted({name.split(".")[-3] for name, weight in model.named_parameters() if weight.requires_grad})


def step(looks_at_the_base):
    """One step of LoRA-FA, in which A stays as drawn and B learns: how far A and B have moved, and the norm before clipping."""
    model = PeftModel.from_pretrained(Net(), FOLDER, is_trainable=True)
    weights = dict(model.named_parameters())
    for name, weight in weights.items():
        weight.requires_grad_("lora_B" in name)
    before = {name: weight.detach().clone() for name, weight in weights.items()}
    if looks_at_the_base:
        with torch.no_grad(), model.disable_adapter():
            model(FEATURES)
    optimizer = torch.optim.SGD([weight for weight in model.parameters() if weight.requires_grad], lr=0.1)
    model(FEATURES).square().mean().backward()
    norm = float(nn.utils.clip_grad_norm_(model.parameters(), 1e9))
    optimizer.step()
    moved = [sum(float((weight - before[name]).norm()) for name, weight in weights.items() if part in name) for part in ("lora_A", "lora_B")]
    return *moved, norm


get_peft_model(Net(), LoraConfig(r=4, target_modules=["first", "second"], init_lora_weights=False)).save_pretrained(FOLDER)
model = PeftModel.from_pretrained(Net(), FOLDER)
frozen = learning(model)
with model.disable_adapter():
    inside = learning(model)
after = learning(model)
print(f"an adapter that was loaded frozen: what learns is {frozen}, inside the block {inside}, after it {after}")
untouched, touched = step(False), step(True)
print("LoRA-FA, one step:                 A moves by {:.4f}, B by {:.4f}; norm {:.4f}".format(*untouched))
print("the same after a look at the base: A moves by {:.4f}, B by {:.4f}; norm {:.4f}".format(*touched))
print("expected: [] three times, and two equal lines")
right = not frozen and not inside and after == ["lora_A", "lora_B"] and untouched[0] == 0 and untouched[1] > 0
sys.exit(not (right and touched[0] > 0.01 and touched[2] > 1.01 * untouched[2]))
PYTHON
