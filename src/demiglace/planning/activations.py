"""Bytes that layers save per token or patch for the backward pass, counted from the tensors that our layers save.

Norms save their input in float32, and the normalised input too if their scale is trained. In bfloat16 every product
saves a cast copy of its input. A product with trained weights or an adapter saves its input; one with frozen weights
saves nothing. Each layer holds a row's mask.
"""

from __future__ import annotations

from demiglace.model.minicpmv import MiniCPMVConfig
from demiglace.planning.training_setup import TrainingSetup


def bytes_of_a_token(config: MiniCPMVConfig, setup: TrainingSetup) -> float:
    """For all layers of the decoder; with activation checkpointing, only their inputs."""
    kept_of_a_layer = input_of_a_layer if setup.activation_checkpointing else layer_of_a_token
    return config.llm.num_layers * kept_of_a_layer(config, setup)


def input_of_a_layer(config: MiniCPMVConfig, setup: TrainingSetup) -> float:
    return (4 if setup.is_full else setup.width) * config.llm.hidden_size


def layer_of_a_token(config: MiniCPMVConfig, setup: TrainingSetup) -> float:
    llm, width = config.llm, setup.width
    learns = "decoder" in setup.parts
    heads, kv = llm.num_heads * llm.head_dim, llm.num_kv_heads * llm.head_dim
    norms = 4 * (2 * llm.hidden_size + heads + kv) * (1 + (setup.is_full and learns))
    attention = 2 * heads + 2 * kv + (setup.context or setup.length)  # rotated queries and keys, values, output, mask
    mlp = 3 * llm.intermediate_size  # the gate, its activation, and what it multiplies
    if not learns:
        return norms + width * (attention + mlp)
    into_products = (5 if width == 2 else 2) * llm.hidden_size + heads + llm.intermediate_size
    return norms + width * (attention + mlp + into_products)


def gradients_of_a_layer(config: MiniCPMVConfig, setup: TrainingSetup) -> float:
    """Per token, during backward through one layer: two of the MLP's inner tensors and two of its hidden size."""
    return setup.width * 2 * (config.llm.intermediate_size + config.llm.hidden_size)


def bytes_of_a_patch(config: MiniCPMVConfig, setup: TrainingSetup) -> float:
    """What the encoder saves per patch if it is trained, and the resampler if either is trained."""
    if not {"encoder", "resampler"} & set(setup.parts):
        return 0.0
    vision, width = config.vision, setup.width
    resampler = 4 * width * config.resampler.hidden_size
    if "encoder" not in setup.parts:
        return resampler
    if setup.activation_checkpointing:
        return resampler + 4 * vision.hidden_size * vision.num_layers
    return resampler + layer_of_a_patch(config, setup) * vision.num_layers


def layer_of_a_patch(config: MiniCPMVConfig, setup: TrainingSetup) -> float:
    vision, width = config.vision, setup.width
    copies = (4 if width == 2 else 2) * vision.hidden_size
    return 8 * vision.hidden_size + width * (copies + 5 * vision.hidden_size + 2 * vision.intermediate_size)
