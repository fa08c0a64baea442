"""Bytes that layers keep of a token or a patch for the backward pass, counted by the tensors that ours keep.

Norms keep their input in float32, and once more what their scale goes with where it learns. In bfloat16 every product
keeps a copy of its input. A product whose weights learn, or that has an adapter, keeps what went in; one of frozen
weights keeps nothing. A row's mask is held by each layer.
"""

from __future__ import annotations

from demiglace.model.minicpmv import MiniCPMVConfig
from demiglace.planning.training_setup import TrainingSetup


def bytes_of_a_token(config: MiniCPMVConfig, setup: TrainingSetup) -> float:
    """All layers of the decoder, or where they are computed again their inputs alone."""
    kept_of_a_layer = input_of_a_layer if setup.activation_checkpointing else layer_of_a_token
    return config.llm.num_layers * kept_of_a_layer(config, setup)


def input_of_a_layer(config: MiniCPMVConfig, setup: TrainingSetup) -> float:
    return (4 if setup.is_full else setup.width) * config.llm.hidden_size


def layer_of_a_token(config: MiniCPMVConfig, setup: TrainingSetup) -> float:
    llm, width = config.llm, setup.width
    learns = "decoder" in setup.parts
    heads, kv = llm.num_heads * llm.head_dim, llm.num_kv_heads * llm.head_dim
    norms = 4 * (2 * llm.hidden_size + heads + kv) * (1 + (setup.is_full and learns))
    attention = 2 * heads + 2 * kv + setup.length  # turned queries and keys, values, what comes out, the mask
    mlp = 3 * llm.intermediate_size  # the gate, what it opens, and what went through
    if not learns:
        return norms + width * (attention + mlp)
    into_products = (5 if width == 2 else 2) * llm.hidden_size + heads + llm.intermediate_size
    return norms + width * (attention + mlp + into_products)


def gradients_of_a_layer(config: MiniCPMVConfig, setup: TrainingSetup) -> float:
    """Of a token, on the way back through one layer: of two of the MLP's inner tensors and two of its width."""
    return setup.width * 2 * (config.llm.intermediate_size + config.llm.hidden_size)


def bytes_of_a_patch(config: MiniCPMVConfig, setup: TrainingSetup) -> float:
    """What the encoder keeps of a patch where it learns, and the resampler where one of the two does."""
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
