#!/usr/bin/env bash
# One would guess that LoRA with target_modules="all-linear" trains every layer that it wraps, and that merging an adapter
# changes nothing in what the model computes. torch's nn.MultiheadAttention never calls its out_proj, it reads the weight:
# PEFT wraps that layer, counts it as trainable, and its adapter gets no gradient and is not heard. Merging adds it to the
# weight, so an adapter whose B matrix is not 0 (a seed other than peft's, an averaged or edited one) gives other outputs after
# the merge than before. Whoever adapts a vision-language model with such a resampler should name its target modules.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 peft==0.21.2 transformers==5.24.0 2> /dev/null
"$work/venv/bin/python" - <<'PYTHON'
import sys
from importlib.metadata import version

import torch
from peft import LoraConfig, get_peft_model
from torch import nn

print(", ".join(f"{name} {version(name)}" for name in ("torch", "peft")))


class Pool(nn.Module):
    def __init__(self):
        super().__init__()
        self.proj = nn.Linear(16, 16)
        self.attention = nn.MultiheadAttention(16, 4, batch_first=True)

    def forward(self, features):
        features = self.proj(features)
        return self.attention(features, features, features)[0]


torch.manual_seed(0)
model = get_peft_model(Pool(), LoraConfig(target_modules="all-linear", init_lora_weights=False))
features = torch.randn(2, 5, 16)
adapted = model(features)
adapted.square().sum().backward()
by_layer = {"proj": [], "attention.out_proj": []}
for name, weight in model.named_parameters():
    if weight.requires_grad:
        layer = next(layer for layer in by_layer if f".{layer}." in name)
        by_layer[layer].append(0.0 if weight.grad is None else float(weight.grad.abs().max()))
for layer, gradients in by_layer.items():
    print(f"{layer}: {len(gradients)} trainable matrices, largest gradients {[round(one, 3) for one in gradients]}")
change = float((model.merge_and_unload()(features) - adapted).detach().abs().max())
print(f"largest change of the output by merging: {change:.3f} (outputs up to {float(adapted.detach().abs().max()):.3f})")
dead = len(by_layer["attention.out_proj"]) == 2 and not any(by_layer["attention.out_proj"])
print("expected: matrices of proj learn, those of out_proj never do, merging changes the output by over 0.01")
sys.exit(not (dead and all(by_layer["proj"]) and change > 0.01))
PYTHON
