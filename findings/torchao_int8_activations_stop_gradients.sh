#!/usr/bin/env bash
# peft puts LoRA on layers whose weights torchao has quantised, and gradients go through frozen int8 weights to the adapters before
# them. One would guess the same where inputs are rounded to int8 too (`Int8DynamicActivationInt8WeightConfig`): peft takes such a
# layer, its output has a `grad_fn`, and there is neither an error nor a warning. No gradient comes to its input: what lies before
# it learns by residual connections and adapters alone. In a Llama's first step the adapters of `q_proj`, `k_proj`, `v_proj`,
# `gate_proj` and `up_proj` have gradients of exactly zero, and those of `o_proj` and `down_proj` are far from right. Train adapters
# on int8 weights alone (`Int8WeightOnlyConfig`), whose gradients are right.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.14.0 numpy==2.4.6 transformers==5.24.0 peft==0.21.2 \
  torchao==0.18.0 2> /dev/null
OMP_NUM_THREADS=1 "$work/venv/bin/python" - 2> /dev/null <<'PYTHON'
import sys
import warnings

import peft
import torch
import torchao
import transformers
from peft import LoraConfig, get_peft_model
from torchao.quantization import Int8DynamicActivationInt8WeightConfig, Int8WeightOnlyConfig, quantize_
from transformers import LlamaConfig, LlamaForCausalLM

print(f"torch {torch.__version__}, torchao {torchao.__version__}, peft {peft.__version__}, transformers {transformers.__version__}")
SIZES = {"vocab_size": 64, "hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
         "initializer_range": 0.1}
LAYERS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


def is_quantised(module, name):
    return isinstance(module, torch.nn.Linear) and "lm_head" not in name


def gradients(config):
    """Of the adapters of the first block, and what was warned of."""
    torch.manual_seed(0)
    model = LlamaForCausalLM(LlamaConfig(**SIZES))
    tokens = torch.randint(64, (2, 16))
    if config is not None:
        quantize_(model, config, is_quantised)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        adapted = get_peft_model(model, LoraConfig(target_modules=LAYERS))
        loss = adapted(input_ids=tokens, labels=tokens).loss
        loss.backward()
    told = [str(one.message) for one in warned if "radient" in str(one.message) and "deprecated" not in str(one.message)]
    own = {name: value.grad for name, value in adapted.named_parameters() if "layers.0." in name and "lora_B" in name}
    return loss.item(), {layer: next(grad for name, grad in own.items() if layer in name) for layer in LAYERS}, told


_, right, _ = gradients(None)
off = {}
CONFIGS = {"int8 weights": Int8WeightOnlyConfig(), "int8 weights and inputs": Int8DynamicActivationInt8WeightConfig()}
for name, config in CONFIGS.items():
    loss, found, told = gradients(config)
    off[name] = {layer: ((found[layer] - right[layer]).norm() / right[layer].norm()).item() for layer in LAYERS}
    print(f"{name}: loss {loss:.4f}, norms of gradients", {layer: round(grad.norm().item(), 5) for layer, grad in found.items()})
    print("  off by, against float32:", {layer: f"{share:.0%}" for layer, share in off[name].items()}, "warned of:", told)
print("norms by float32:", {layer: round(grad.norm().item(), 5) for layer, grad in right.items()})
print("expected of both: off by a few percent")
weights, inputs = off.values()
zero = {layer for layer in LAYERS if not found[layer].any()}
behind = {"q_proj", "k_proj", "v_proj", "gate_proj", "up_proj"}
others = min(inputs["o_proj"], inputs["down_proj"])
sys.exit(not (max(weights.values()) < 0.1 and zero == behind and others > 0.1 and not told))
PYTHON
