#!/usr/bin/env bash
# `load_file` and `safe_open` of safetensors are said to load tensors. On a CPU they map the file: a tensor is a part of it, with
# a private copy of the pages that the process itself writes to. Whoever copies new weights over the old file, while a model
# with the old ones answers, changes that model, without a word, wherever its tensors were not converted to another dtype.
# The same holds for a model that `load_state_dict(..., assign=True)` was given them, and for one that `from_pretrained` of
# transformers loaded in the dtype of its file. `load_state_dict` without `assign` copies, and so does `tensor.clone()`.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 safetensors==0.8.0 numpy==2.4.6 \
  transformers==5.24.0 2> /dev/null
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import shutil
import sys

import safetensors
import torch
import transformers
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from transformers import Qwen3Config, Qwen3Model

print("safetensors", safetensors.__version__, "torch", torch.__version__, "transformers", transformers.__version__)
old, new = torch.full((4096,), 1.0), torch.full((4096,), 2.0)
save_file({"weight": old}, "model.safetensors")
save_file({"weight": new}, "new.safetensors")

loaded = load_file("model.safetensors")["weight"]
with safe_open("model.safetensors", "pt") as file:
    opened = file.get_tensor("weight")
assigned, copied = torch.nn.Linear(4096, 1, bias=False), torch.nn.Linear(4096, 1, bias=False)
stored = load_file("model.safetensors")["weight"].unflatten(0, (1, -1))
assigned.load_state_dict({"weight": stored}, assign=True)
copied.load_state_dict({"weight": stored})
converted = load_file("model.safetensors")["weight"].to(torch.bfloat16)

size = {"hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "vocab_size": 100}
for folder in ("model", "new"):
    Qwen3Model(Qwen3Config(**size, num_key_value_heads=1, head_dim=32)).save_pretrained(folder)
whole = Qwen3Model.from_pretrained("model", dtype="auto")
before = {name: tensor.clone() for name, tensor in whole.state_dict().items()}

for name in ("{}.safetensors", "{}/model.safetensors"):
    with open(name.format("new"), "rb") as source, open(name.format("model"), "r+b") as target:
        shutil.copyfileobj(source, target)  # as programs do that bring files up to date in place

models = {"load_file": loaded, "safe_open": opened, "assign=True": assigned.weight, "copied": copied.weight, "converted": converted}
found = {name: tensor.detach().flatten()[-1].item() for name, tensor in models.items()}
print("expected: 1.0 in all, as the tensors were loaded before")
print("seen:", found)
other = sum(not torch.equal(tensor, before[name]) for name, tensor in whole.state_dict().items())
print(f"of a model of transformers {other} of {len(before)} tensors are others now")
wanted = {"load_file": 2.0, "safe_open": 2.0, "assign=True": 2.0, "copied": 1.0, "converted": 1.0}
sys.exit(not (found == wanted and other > len(before) / 2))
PYTHON
