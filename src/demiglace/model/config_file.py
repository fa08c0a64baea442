"""The fields of the released `config.json` <-> `MiniCPMVConfig`, as tables.

What the release has no field for is an added key, absent where the released rule holds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from demiglace.model.minicpmv import MiniCPMVConfig
from demiglace.model.qwen3 import Qwen3Config
from demiglace.model.resampler import ResamplerConfig
from demiglace.model.siglip import SiglipConfig

# Released field -> ours.
LLM_SIZES = {
    "vocab_size": "vocab_size",
    "hidden_size": "hidden_size",
    "intermediate_size": "intermediate_size",
    "num_hidden_layers": "num_layers",
    "num_attention_heads": "num_heads",
    "num_key_value_heads": "num_kv_heads",
    "head_dim": "head_dim",
    "max_position_embeddings": "max_position_embeddings",
}
VISION_SIZES = {
    "hidden_size": "hidden_size",
    "intermediate_size": "intermediate_size",
    "num_hidden_layers": "num_layers",
    "num_attention_heads": "num_heads",
    "patch_size": "patch_size",
}
MOST = 2**20  # of any size
MOST_LAYERS = 1024
RESAMPLER_HEAD_DIM = 128  # released code: as many heads as hidden_size holds of these
LAYER_NORM_EPS = 1e-6  # released code: the encoder's, in no file

# The model knows nothing else; where absent, transformers' defaults agree but for the first two.
REQUIRED = {"model_type": "minicpmv", "drop_vision_last_layer": False}
FIXED = {
    "version": 4.5,
    "hidden_act": "silu",
    "rope_scaling": None,
    "attention_bias": False,
    "use_sliding_window": False,
    "tie_word_embeddings": False,
}
# The rest of the released file, for programs that read it. Its code is named on the hub, where it is.
CODE = "openbmb/MiniCPM-V-4_5--"
CONSTANT = {
    "architectures": ["MiniCPMV"],
    "auto_map": {
        "AutoConfig": f"{CODE}configuration_minicpm.MiniCPMVConfig",
        "AutoModel": f"{CODE}modeling_minicpmv.MiniCPMV",
        "AutoModelForCausalLM": f"{CODE}modeling_minicpmv.MiniCPMV",
    },
    "attention_dropout": 0.0,
    "batch_3d_resampler": True,
    "batch_vision_input": True,
    "initializer_range": 0.02,
    "slice_mode": True,
    "sliding_window": None,
    "use_cache": True,
}


@dataclass(frozen=True)
class CheckpointFacts:
    """What the files beside the weights repeat of the processor, as plain numbers; the defaults are the release's.

    do_sample: whether `generation_config.json` asks for the release's sampling, or for the likeliest tokens.
    """

    im_end: int = 151645
    end_of_text: int = 151643
    scale_resolution: int = 448
    max_slices: int = 9
    use_image_id: bool = True
    do_sample: bool = True


RELEASED_FACTS = CheckpointFacts()


def parse_config(fields: Mapping[str, Any]) -> MiniCPMVConfig:
    """Raises ValueError that names each field which is missing, out of bounds, or asks for another kind of model."""
    known = REQUIRED | {name: value for name, value in FIXED.items() if name in fields}
    if strange := [name for name, value in known.items() if fields.get(name) != value]:
        told = ", ".join(f"{name} {fields.get(name)!r:.50} (not {known[name]!r})" for name in strange)
        raise ValueError(f"config.json describes another kind of model: {told}")
    hidden_size = _size(fields, "hidden_size")
    vision = _vision(_section(fields, "vision_config"))
    llm = Qwen3Config(
        **{ours: _size(fields, name) for name, ours in LLM_SIZES.items()},
        rope_theta=_number(fields, "rope_theta"),
        rms_norm_eps=_number(fields, "rms_norm_eps"),
    )
    resampler = ResamplerConfig(
        num_queries=_size(fields, "query_num"),
        hidden_size=hidden_size,
        feature_size=vision.hidden_size,
        num_heads=_size({"resampler_num_heads": hidden_size // RESAMPLER_HEAD_DIM, **fields}, "resampler_num_heads"),
    )
    return MiniCPMVConfig(vision, resampler, llm)


def config_fields(config: MiniCPMVConfig, dtype: torch.dtype, facts: CheckpointFacts) -> dict[str, Any]:
    """All fields of `config.json`; token ids that the vocabulary does not hold are null."""
    vision, resampler, llm = config.vision, config.resampler, config.llm
    fields = {
        **REQUIRED,
        **FIXED,
        **CONSTANT,
        **{name: getattr(llm, ours) for name, ours in LLM_SIZES.items()},
        "rope_theta": llm.rope_theta,
        "rms_norm_eps": llm.rms_norm_eps,
        "max_window_layers": llm.num_layers,
        "bos_token_id": _token(facts.end_of_text, llm),
        "eos_token_id": _token(facts.im_end, llm),
        "torch_dtype": str(dtype).removeprefix("torch."),
        "query_num": resampler.num_queries,
        "image_size": facts.scale_resolution,
        "patch_size": vision.patch_size,
        "slice_config": _slice_fields(vision.patch_size, facts),
        "vision_config": _vision_fields(vision),
    }
    if resampler.num_heads != resampler.hidden_size // RESAMPLER_HEAD_DIM:
        fields["resampler_num_heads"] = resampler.num_heads
    if not facts.use_image_id:
        fields["use_image_id"] = False
    return fields


def generation_fields(config: MiniCPMVConfig, facts: CheckpointFacts) -> dict[str, Any]:
    """All fields of `generation_config.json`."""
    ends = (_token(facts.im_end, config.llm), _token(facts.end_of_text, config.llm))
    fields = {
        "do_sample": facts.do_sample,
        "bos_token_id": ends[1],
        "eos_token_id": [end for end in ends if end is not None],
        "pad_token_id": ends[1],
        "chat_template_kwargs": {"enable_thinking": False},
    }
    return fields | ({"temperature": 0.6, "top_k": 20, "top_p": 0.95} if facts.do_sample else {})


def _vision(fields: Mapping[str, Any]) -> SiglipConfig:
    image_size, patch_size = _size(fields, "image_size"), _size(fields, "patch_size")
    if image_size % patch_size:
        raise ValueError(f"config.json: vision image_size {image_size} is no multiple of patch_size {patch_size}")
    return SiglipConfig(
        **{ours: _size(fields, name) for name, ours in VISION_SIZES.items()},
        num_positions_per_side=image_size // patch_size,
        layer_norm_eps=_number({"layer_norm_eps": LAYER_NORM_EPS, **fields}, "layer_norm_eps"),
        position_ids=fields.get("position_ids", "released"),
    )


def _vision_fields(vision: SiglipConfig) -> dict[str, Any]:
    fields = {name: getattr(vision, ours) for name, ours in VISION_SIZES.items()}
    fields |= {"model_type": "siglip", "image_size": vision.num_positions_per_side * vision.patch_size}
    if vision.layer_norm_eps != LAYER_NORM_EPS:
        fields["layer_norm_eps"] = vision.layer_norm_eps
    if vision.position_ids != "released":
        fields["position_ids"] = vision.position_ids
    return fields


def _slice_fields(patch_size: int, facts: CheckpointFacts) -> dict[str, Any]:
    fields = {"model_type": "minicpmv", "max_slice_nums": facts.max_slices, "patch_size": patch_size}
    if facts.scale_resolution != CheckpointFacts.scale_resolution:
        fields["scale_resolution"] = facts.scale_resolution
    return fields


def _token(id_: int, llm: Qwen3Config) -> int | None:
    return id_ if id_ < llm.vocab_size else None


def _section(fields: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    if not isinstance(section := fields.get(name), dict):
        raise ValueError(f"config.json: {name} must be an object, got {section!r:.50}")
    return section


def _size(fields: Mapping[str, Any], name: str) -> int:
    most = MOST_LAYERS if name == "num_hidden_layers" else MOST
    value = fields.get(name)
    if type(value) is not int or not 1 <= value <= most:
        raise ValueError(f"config.json: {name} must be a whole number from 1 to {most}, got {value!r:.50}")
    return value


def _number(fields: Mapping[str, Any], name: str) -> float:
    value = fields.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise ValueError(f"config.json: {name} must be a positive number, got {value!r:.50}")
    return float(value)
