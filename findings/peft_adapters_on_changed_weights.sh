#!/usr/bin/env bash
# One would guess that a saved adapter, loaded onto the same base model, gives the same outputs. With init_lora_weights
# "pissa_niter_N" PEFT begins by a randomised decomposition of the base weights and subtracts it from them. Loading repeats
# that with other random numbers, so the stored matrices are added to other weights, and the outputs differ from load to load.
# No warning says so. "pissa", whose decomposition is exact, gives the same outputs. Save with
# path_initial_model_for_weight_conversion, which makes a plain adapter.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 peft==0.21.2 transformers==5.24.0 2> /dev/null
"$work/venv/bin/python" - "$work" <<'PYTHON'
import copy
import sys
import warnings
from importlib.metadata import version

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from torch import nn

print(", ".join(f"{name} {version(name)}" for name in ("torch", "peft")))
torch.set_num_threads(1)
torch.manual_seed(0)
base = nn.Sequential(nn.Linear(64, 128), nn.GELU(), nn.Linear(128, 8))
inputs, targets = torch.randn(32, 64), torch.randn(32, 8)


def trained(begun):
    model = get_peft_model(copy.deepcopy(base), LoraConfig(r=4, target_modules=["0", "2"], init_lora_weights=begun))
    optimizer = torch.optim.AdamW((one for one in model.parameters() if one.requires_grad), lr=1e-2)
    for _ in range(50):
        (model(inputs) - targets).square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()
    return model.eval()


differences, warned = {}, []
for begun in (True, "pissa", "pissa_niter_4"):
    model = trained(begun)
    model.save_pretrained(f"{sys.argv[1]}/{begun}")
    expected = model(inputs).detach()
    for load in range(2):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            loaded = PeftModel.from_pretrained(copy.deepcopy(base), f"{sys.argv[1]}/{begun}").eval()
        warned += [str(one.message) for one in caught]
        difference = float((loaded(inputs).detach() - expected).abs().max())
        differences[begun, load] = difference
        print(f"init_lora_weights={begun!r}, load {load + 1}: outputs differ by up to {difference:.6f} of {float(expected.abs().max()):.2f}")
print(f"warnings: {warned}")
print("expected: differences below 1e-4 for True and pissa, above 0.01 for pissa_niter_4 and another one each time, no warnings")
random = [differences["pissa_niter_4", load] for load in range(2)]
exact = [difference for (begun, _), difference in differences.items() if begun != "pissa_niter_4"]
sys.exit(not (max(exact) < 1e-4 and min(random) > 0.01 and random[0] != random[1] and not warned))
PYTHON
