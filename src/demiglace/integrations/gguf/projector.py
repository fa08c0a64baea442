"""Encoder and resampler as llama.cpp reads them beside a decoder ("mmproj"): as those of MiniCPM-V 4.5, its version 6.

llama.cpp assumes resampler heads of size 128, and 70 learned positions along each side of a picture.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from demiglace.integrations.gguf.gguf_file import FileTensor, NumberType, write_file
from demiglace.model.minicpmv import MiniCPMVConfig
from demiglace.model.resampler import grid_positions
from demiglace.model.tensor_files import TensorFiles

ARCHITECTURE, MINICPMV_VERSION = "clip", 6
RESAMPLER_HEAD_DIM, POSITIONS_PER_SIDE = 128, 70
NORM_MEAN = NORM_STD = [0.5, 0.5, 0.5]

OF_THE_ENCODER = {
    "v.patch_embd": "vpm.embeddings.patch_embedding",
    "v.position_embd": "vpm.embeddings.position_embedding",
    "v.post_ln": "vpm.post_layernorm",
}
OF_A_LAYER = {
    "ln1": "layer_norm1",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_out": "self_attn.out_proj",
    "ln2": "layer_norm2",
    "ffn_up": "mlp.fc1",
    "ffn_down": "mlp.fc2",
}
OF_THE_RESAMPLER = {
    "resampler.kv": "resampler.kv_proj",
    "resampler.attn.out": "resampler.attn.out_proj",
    "resampler.ln_q": "resampler.ln_q",
    "resampler.ln_kv": "resampler.ln_kv",
    "resampler.ln_post": "resampler.ln_post",
}


def why_not_computed(config: MiniCPMVConfig) -> str | None:
    """The reason why llama.cpp cannot compute the model, None if it can."""
    resampler, vision = config.resampler, config.vision
    head_dim = resampler.hidden_size // resampler.num_heads
    if head_dim != RESAMPLER_HEAD_DIM:
        return f"heads of the resampler have {head_dim} numbers, and {RESAMPLER_HEAD_DIM} there"
    if vision.num_positions_per_side != POSITIONS_PER_SIDE:
        return f"pictures have {vision.num_positions_per_side} positions a side, and {POSITIONS_PER_SIDE} there"
    return None


def write_projector(path: Path, config: MiniCPMVConfig, image_size: int, files: TensorFiles) -> None:
    """Write matrices in float16, the rest in float32; `image_size` is the side of a slice in pixels. ValueError if
    llama.cpp could not compute the model, and as in `write_file`."""
    if why := why_not_computed(config):
        raise ValueError(f"llama.cpp cannot compute encoder and resampler: {why}")
    tensors = [_as_stored(name, ours, files) for name, ours in _names(config, files).items()]
    write_file(path, ARCHITECTURE, _sizes(config, image_size), [*tensors, *_resampler(config, files)])


def _names(config: MiniCPMVConfig, files: TensorFiles) -> dict[str, str]:
    layers = {
        f"v.blk.{layer}.{theirs}": f"vpm.encoder.layers.{layer}.{ours}"
        for layer in range(config.vision.num_layers)
        for theirs, ours in OF_A_LAYER.items()
    }
    modules = OF_THE_ENCODER | layers | OF_THE_RESAMPLER
    names = {f"{theirs}.{part}": f"{ours}.{part}" for theirs, ours in modules.items() for part in ("weight", "bias")}
    return {name: ours for name, ours in names.items() if ours in files.found}


def _as_stored(name: str, ours: str, files: TensorFiles) -> FileTensor:
    shape = files.found[ours].shape or ()
    return FileTensor(name, shape, _type(shape), lambda: files.read(ours))


def _resampler(config: MiniCPMVConfig, files: TensorFiles) -> list[FileTensor]:
    """Tensors whose layout differs in llama.cpp: projection transposed, queries, keys, values split, positions."""
    size, queries = config.resampler.hidden_size, config.resampler.num_queries
    tensors = [
        FileTensor("resampler.query", (queries, size), "F32", lambda: files.read("resampler.query")),
        FileTensor("resampler.proj.weight", (size, size), "F16", lambda: files.read("resampler.proj").T),
        FileTensor("resampler.pos_embed_k", (POSITIONS_PER_SIDE**2, size), "F32", lambda: _positions(size)),
    ]
    for part, shape in (("weight", (size, size)), ("bias", (size,))):
        for third, name in enumerate("qkv"):

            def read(part: str = part, third: int = third) -> Tensor:
                return files.read(f"resampler.attn.in_proj_{part}").chunk(3)[third]

            tensors.append(FileTensor(f"resampler.attn.{name}.{part}", shape, _type(shape), read))
    return tensors


def _positions(size: int) -> Tensor:
    return grid_positions(POSITIONS_PER_SIDE, POSITIONS_PER_SIDE, size).reshape(-1, size)


def _type(shape: tuple[int, ...]) -> NumberType:
    return "F16" if len(shape) > 1 else "F32"


def _sizes(config: MiniCPMVConfig, image_size: int) -> dict[str, Any]:
    vision = config.vision
    return {
        "general.file_type": 1,
        "general.description": "image encoder for MiniCPM-V",
        "clip.has_text_encoder": False,
        "clip.has_vision_encoder": True,
        "clip.has_minicpmv_projector": True,
        "clip.projector_type": "resampler",
        "clip.minicpmv_version": np.int32(MINICPMV_VERSION),  # llama.cpp aborts if it is unsigned
        "clip.minicpmv_query_num": config.resampler.num_queries,
        "clip.use_gelu": True,
        "clip.vision.image_size": image_size,
        "clip.vision.patch_size": vision.patch_size,
        "clip.vision.embedding_length": vision.hidden_size,
        "clip.vision.feed_forward_length": vision.intermediate_size,
        "clip.vision.projection_dim": 0,
        "clip.vision.attention.head_count": vision.num_heads,
        "clip.vision.attention.layer_norm_epsilon": vision.layer_norm_eps,
        "clip.vision.block_count": vision.num_layers,
        "clip.vision.image_mean": NORM_MEAN,
        "clip.vision.image_std": NORM_STD,
    }
