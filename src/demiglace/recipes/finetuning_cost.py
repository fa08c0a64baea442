"""What a fine-tuning run takes, before it starts: memory by formula, time by operations and a measured product.

Both are estimates. Weights are counted exactly, on the meta device; what layers keep for the backward pass by the
tensors that ours keep, of two bytes each under bfloat16 (four else). Fragments and the runtime itself come on top.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import torch

from demiglace.data.survey import Survey
from demiglace.model import weights
from demiglace.model.adapters import TARGETS
from demiglace.model.minicpmv import MiniCPMV, MiniCPMVConfig
from demiglace.recipes.finetuning import PARTS, FinetuningRecipe
from demiglace.recipes.run import Machine
from demiglace.training.flops import measure_peak

UTILISATION = 0.4  # of the measured peak (ours)
BITS4 = 0.53  # bytes of a weight in NF4 with its scales


@dataclass(frozen=True)
class Cost:
    """weight_bytes: weights, gradients and AdamW's two moments; memory_bytes: with activations."""

    num_steps: int
    weight_bytes: float
    memory_bytes: float
    seconds: float


def predict(recipe: FinetuningRecipe, seen: Survey, machine: Machine) -> Cost:
    """For a run of `recipe` over the data that was looked at."""
    config = weights.read_config(recipe.model)
    num_steps = recipe.num_steps(seen.expected_tokens)
    weight_bytes = held_weights(recipe, config, machine.dtype)
    width = 2 if machine.dtype == torch.bfloat16 else 4
    visual_share = seen.visual_tokens / max(1, seen.tokens)
    tokens = recipe.length * recipe.rows_per_part
    learned = tokens * seen.learned_tokens / max(1, seen.tokens)
    kept = tokens * bytes_of_a_token(config, width, recipe.recompute)
    kept += tokens * visual_share * bytes_of_a_visual_token(config, width, recipe)
    kept += 12 * learned * config.llm.vocab_size  # logits, their softmax and its gradient, in float32
    flops = seen.flops * seen.num_records / max(1, seen.samples) * recipe.epochs
    seconds = flops / (UTILISATION * measure_peak(machine.device, machine.dtype))
    return Cost(num_steps, weight_bytes, weight_bytes + kept, seconds)


def held_weights(recipe: FinetuningRecipe, config: MiniCPMVConfig, dtype: torch.dtype) -> float:
    """Bytes of weights, gradients and moments."""
    with torch.device("meta"):
        model = MiniCPMV(config)
    sizes = {part: sum(p.numel() for p in model.get_submodule(PARTS[part][6:]).parameters()) for part in PARTS}
    if recipe.method == "full":
        learned = sum(sizes[part] for part in recipe.parts)
        return 4 * sum(sizes.values()) + 12 * learned  # master weights, gradient, two moments, in float32
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


def bytes_of_a_token(config: MiniCPMVConfig, width: int, recompute: bool) -> float:
    """What the decoder keeps of a token for the backward pass."""
    llm = config.llm
    heads, kv = llm.num_heads * llm.head_dim, llm.num_kv_heads * llm.head_dim
    layer = width * (4 * llm.hidden_size + 3 * heads + 4 * kv + 4 * llm.intermediate_size)
    return width * llm.hidden_size * llm.num_layers + layer if recompute else layer * llm.num_layers


def bytes_of_a_visual_token(config: MiniCPMVConfig, width: int, recipe: FinetuningRecipe) -> float:
    """What the encoder keeps of the patches behind a visual token; nothing where it does not learn."""
    if "encoder" not in recipe.parts:
        return 0.0
    vision = config.vision
    patches = (448 / vision.patch_size) ** 2 / config.resampler.num_queries  # of a slice at the released size
    layer = width * (8 * vision.hidden_size + 3 * vision.intermediate_size)
    kept = width * vision.hidden_size * vision.num_layers + layer if recipe.recompute else layer * vision.num_layers
    return patches * kept
