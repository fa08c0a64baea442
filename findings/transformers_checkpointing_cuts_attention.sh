#!/usr/bin/env bash
# Gradient checkpointing computes activations again: one would guess that it changes no number, and neither does `use_cache`.
# Positions that do not rise by one, as of a text that goes on after a gap, of picture tokens that share a position, or in
# reverse, transformers takes for packed texts where neither a mask nor a cache is given: no token looks over a step in them.
# With a cache, which is the default, it looks at all before it. `gradient_checkpointing_enable` switches the cache off, Trainer
# does too, and so training sees another attention than the same call in evaluation; its one message is of the cache. Pass an
# `attention_mask`, ones if need be.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.14.0 numpy==2.4.6 transformers==5.24.0 2> /dev/null
OMP_NUM_THREADS=1 "$work/venv/bin/python" - 2> /dev/null <<'PYTHON'
import sys

import torch
import transformers
from transformers import LlamaConfig, LlamaForCausalLM, Qwen3Config, Qwen3ForCausalLM

print(f"torch {torch.__version__}, transformers {transformers.__version__}")
SIZES = {"vocab_size": 64, "hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
         "num_key_value_heads": 4, "initializer_range": 0.2}
POSITIONS = {
    "in a row": [0, 1, 2, 3, 4, 5, 6, 7],
    "with a gap": [0, 1, 2, 3, 100, 101, 102, 103],
    "shared by three": [0, 1, 2, 2, 2, 3, 4, 5],
}
changed = {}
for make_config, make in ((LlamaConfig, LlamaForCausalLM), (Qwen3Config, Qwen3ForCausalLM)):
    for name, places in POSITIONS.items():
        torch.manual_seed(0)
        model = make(make_config(**SIZES, head_dim=16))
        tokens = torch.randint(64, (2, 8))
        given = {"input_ids": tokens, "position_ids": torch.tensor([places, places]), "labels": tokens}
        ones = {"attention_mask": torch.ones_like(tokens)}
        plain, uncached = model(**given).loss.item(), model(**given, use_cache=False).loss.item()
        masked = model(**given, **ones, use_cache=False).loss.item()
        model.gradient_checkpointing_enable()
        model.train()
        checkpointed, both = model(**given).loss.item(), model(**given, **ones).loss.item()
        print(f"{make.__name__}, positions {name}: loss {plain:.4f}, use_cache=False {uncached:.4f},"
              f" checkpointed {checkpointed:.4f}, with a mask of ones {masked:.4f}, checkpointed {both:.4f}")
        same = abs(masked - plain) < 1e-4 and abs(both - plain) < 1e-4
        changed[make.__name__, name] = (abs(uncached - plain) > 0.01, abs(checkpointed - plain) > 0.01, same)
print("expected: one loss a line")
sys.exit(any(seen != (name != "in a row", name != "in a row", True) for (_, name), seen in changed.items()))
PYTHON
