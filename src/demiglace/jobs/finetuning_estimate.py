"""What a fine-tuning run takes, before it starts: memory by formula, time by operations and a measured product.

Both are estimates. Weights are counted exactly, on the meta device; what layers keep for the backward pass goes by the
tensors that ours keep, which a test counts. Fragments and the runtime itself come on top.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import torch

from demiglace.data.dataset_statistics import DatasetStatistics
from demiglace.jobs.machine import Machine
from demiglace.model import weights
from demiglace.model.adapters import TARGETS
from demiglace.model.minicpmv import MiniCPMV, MiniCPMVConfig
from demiglace.recipes.finetuning import PARTS, FinetuningRecipe

UTILISATION = 0.4  # of the measured peak (ours)
BITS4 = 0.53  # bytes of a weight in NF4 with its scales


@dataclass(frozen=True)
class FinetuningEstimate:
    """weight_bytes: weights, gradients and AdamW's two moments; memory_bytes: with activations."""

    num_steps: int
    weight_bytes: float
    memory_bytes: float
    seconds: float


def predict(recipe: FinetuningRecipe, seen: DatasetStatistics, machine: Machine, peak: float) -> FinetuningEstimate:
    """For a run of `recipe` over the data that was looked at; `peak`: operations a second of all processes.

    Bytes are those of one process, which holds its part of weights, gradients and moments.
    """
    config = weights.read_config(recipe.model)
    width = 2 if machine.dtype == torch.bfloat16 else 4
    tokens = recipe.length * recipe.micro_batch_rows
    share = tokens / max(1, seen.tokens)  # of what was looked at, in memory at once
    kept = tokens * bytes_of_a_token(config, width, recipe)
    kept += share * seen.patches * bytes_of_a_patch(config, width, recipe)
    kept += 12 * share * seen.learned_tokens * config.llm.vocab_size  # logits, softmax and gradient, in float32
    weight_bytes = held_weights(recipe, config, machine.dtype) / machine.ranks.count
    flops = seen.flops * seen.num_records / max(1, seen.samples) * recipe.epochs
    num_steps = recipe.num_steps(seen.expected_tokens)
    return FinetuningEstimate(num_steps, weight_bytes, weight_bytes + kept, flops / (UTILISATION * peak))


def held_weights(recipe: FinetuningRecipe, config: MiniCPMVConfig, dtype: torch.dtype) -> float:
    """Bytes of weights, gradients and moments of one process alone."""
    with torch.device("meta"):
        model = MiniCPMV(config)
    sizes = {part: sum(p.numel() for p in model.get_submodule(PARTS[part][6:]).parameters()) for part in PARTS}
    if recipe.method == "full":
        learned = sum(sizes[part] for part in recipe.parts)
        copies = 2 * learned if dtype == torch.bfloat16 else 0  # that autocast makes for the products
        return 4 * sum(sizes.values()) + 12 * learned + copies  # weights, gradient, two moments, in float32
    frozen = sum(sizes.values())
    bytes_each = 2.0 if dtype == torch.bfloat16 else 4.0
    if recipe.method == "qlora":
        frozen_bytes = BITS4 * (sizes["decoder"] + sizes["encoder"]) + bytes_each * sizes["resampler"]
    else:
        frozen_bytes = bytes_each * frozen
    whole = sizes["resampler"] if "resampler" in recipe.parts else 0
    return frozen_bytes + 16 * (adapter_weights(recipe, model) + whole)


def adapter_weights(recipe: FinetuningRecipe, model: MiniCPMV) -> int:
    """Parameters of the adapters: rank times the sum of both sides of every matrix they stand beside."""
    patterns = [re.compile(TARGETS[part]) for part in recipe.parts if part in TARGETS]
    sides = [
        sum(module.weight.shape)
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear) and any(pattern.fullmatch(name) for pattern in patterns)
    ]
    return recipe.lora.rank * sum(sides)


def bytes_of_a_token(config: MiniCPMVConfig, width: int, recipe: FinetuningRecipe) -> float:
    """What the decoder keeps of a token for the backward pass; `width`: bytes of what goes into a product.

    Norms keep their input in float32, and once more what their scale goes with where it learns. In bfloat16 every
    product keeps a copy of its input. A row's mask is held by each layer.
    """
    llm, is_full = config.llm, recipe.method == "full"
    heads, kv = llm.num_heads * llm.head_dim, llm.num_kv_heads * llm.head_dim
    norms = 4 * (2 * llm.hidden_size + heads + kv) * (1 + is_full)
    copies = (5 if width == 2 else 2) * llm.hidden_size
    layer = norms + width * (copies + 3 * heads + 2 * kv + 4 * llm.intermediate_size + recipe.length)
    inputs = (4 if is_full else width) * llm.hidden_size * llm.num_layers
    return inputs + layer if recipe.activation_checkpointing else layer * llm.num_layers


def bytes_of_a_patch(config: MiniCPMVConfig, width: int, recipe: FinetuningRecipe) -> float:
    """What the encoder keeps of a patch where it learns, and the resampler where one of the two does."""
    if not {"encoder", "resampler"} & set(recipe.parts):
        return 0.0
    vision, resampler = config.vision, 4 * width * config.resampler.hidden_size
    if "encoder" not in recipe.parts:
        return resampler
    copies = (4 if width == 2 else 2) * vision.hidden_size
    layer = 8 * vision.hidden_size + width * (copies + 5 * vision.hidden_size + 2 * vision.intermediate_size)
    inputs = 4 * vision.hidden_size * vision.num_layers
    return resampler + (inputs + layer if recipe.activation_checkpointing else layer * vision.num_layers)
