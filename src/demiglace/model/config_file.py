"""The fields of the released `config.json` <-> `MiniCPMVConfig`, as tables.

Settings without a released field get an added key, which is absent if the released rule holds. Files as transformers 5
writes them (`rope_parameters`, `dtype`) are read too; the released layout is written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from demiglace.fields import Anything, Field, ListOf, Real, TableOf, Whole, Words, short_repr, take
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
SIZE, LAYERS, EPSILON = Whole(1, 2**20), Whole(1, 1024), Real(0, 1, above=True)
NUMBERS: Mapping[str, Field] = {
    **dict.fromkeys(LLM_SIZES, SIZE),
    "num_hidden_layers": LAYERS,
    "rms_norm_eps": EPSILON,
    "query_num": SIZE,
    "resampler_num_heads": SIZE,
}
VISION: Mapping[str, Field] = {
    **dict.fromkeys(VISION_SIZES, SIZE),
    "num_hidden_layers": LAYERS,
    "image_size": SIZE,
    "layer_norm_eps": EPSILON,
    "position_ids": Words(("exact", "released")),
}
THETA, ANY_TABLE = Real(0, 1e12, above=True), TableOf(Anything())
RESAMPLER_HEAD_DIM = 128  # released code: the number of heads is hidden_size / 128
LAYER_NORM_EPS = 1e-6  # released code: the encoder's, not in any file

# Values that the model requires; if absent, transformers' defaults agree, except for the first two.
REQUIRED = {"model_type": "minicpmv", "drop_vision_last_layer": False}
FIXED = {
    "version": 4.5,
    "hidden_act": "silu",
    "rope_scaling": None,
    "attention_bias": False,
    "use_sliding_window": False,
    "tie_word_embeddings": False,
}
FIXED_VISION = {"hidden_act": "gelu_pytorch_tanh", "num_channels": 3}
ROPE_TABLES = ("rope_parameters", "rope_scaling")
# The only rotary embedding that these tables may ask for: unscaled, over the full head dimension.
FIXED_ROPE = {"rope_type": "default", "type": "default", "partial_rotary_factor": 1.0}
FULL_ATTENTION = "full_attention"
# The rest of the released file, for programs that read it. Its remote code is named by its place on the hub.
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
    """What the files beside the weights repeat about the processor, as plain numbers; the defaults are the release's.

    do_sample: whether `generation_config.json` asks for the release's sampling or for greedy decoding.
    """

    im_end: int = 151645
    end_of_text: int = 151643
    scale_resolution: int = 448
    max_slices: int = 9
    use_image_id: bool = True
    do_sample: bool = True


RELEASED_FACTS = CheckpointFacts()


def parse_config(fields: Mapping[str, Any]) -> MiniCPMVConfig:
    """The model that `config.json` describes; ValueError names fields that are missing, invalid or of another model."""
    present = {name: FIXED[name] for name in FIXED if name in fields and name != "rope_scaling"}
    _check_fixed("config.json", fields, REQUIRED | present)
    layer_types = ListOf(Anything()).check("config.json: layer_types", fields.get("layer_types") or [])
    if others := [kind for kind in layer_types if kind != FULL_ATTENTION]:
        raise ValueError(
            f"config.json: layer_types has {short_repr(others[0])}, but every layer is of {FULL_ATTENTION}"
        )
    heads = SIZE.check("config.json: hidden_size", fields.get("hidden_size")) // RESAMPLER_HEAD_DIM
    numbers = take("config.json", {"resampler_num_heads": heads, **fields}, NUMBERS, NUMBERS)
    vision = _vision(fields.get("vision_config"))
    llm = Qwen3Config(
        **{ours: numbers[name] for name, ours in LLM_SIZES.items()},
        rope_theta=rope_theta(fields),
        rms_norm_eps=numbers["rms_norm_eps"],
    )
    resampler = ResamplerConfig(
        num_queries=numbers["query_num"],
        hidden_size=numbers["hidden_size"],
        feature_size=vision.hidden_size,
        num_heads=numbers["resampler_num_heads"],
    )
    return MiniCPMVConfig(vision, resampler, llm)


def config_fields(config: MiniCPMVConfig, dtype: torch.dtype, facts: CheckpointFacts) -> dict[str, Any]:
    """All fields of `config.json`; token ids outside the vocabulary are null."""
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


def _check_fixed(where: str, fields: Mapping[str, Any], known: Mapping[str, Any]) -> None:
    """ValueError that names all fields whose values differ from `known`."""
    if strange := [name for name, value in known.items() if fields.get(name) != value]:
        found = ", ".join(f"{name} {short_repr(fields.get(name))} (not {known[name]!r})" for name in strange)
        raise ValueError(f"{where} describes another kind of model: {found}")


def rope_theta(fields: Mapping[str, Any]) -> float:
    """The base of the rotary frequencies: a separate field in the release, in `rope_parameters` in transformers 5.

    Raises ValueError on RoPE scaling, on partial rotary factors, and on two different bases.
    """
    bases = {"rope_theta": fields["rope_theta"]} if fields.get("rope_theta") is not None else {}
    for name in ROPE_TABLES:
        if fields.get(name) is None:
            continue
        table = ANY_TABLE.check(f"config.json: {name}", fields[name])
        table = ANY_TABLE.check(f"config.json: {name}", table.get(FULL_ATTENTION, table))  # may be nested by layer type
        asked = {key: value for key, value in table.items() if key != "rope_theta" and value is not None}
        if strange := [key for key, value in asked.items() if FIXED_ROPE.get(key) != value]:
            raise ValueError(
                f"config.json: {name} asks for {strange[0]} {short_repr(asked[strange[0]])}, "
                "but rotary positions are neither scaled nor turned in part here"
            )
        bases |= {f"{name}.rope_theta": table["rope_theta"]} if "rope_theta" in table else {}
    if not bases:
        raise ValueError("config.json: rope_theta is missing, and so are rope_parameters")
    thetas = [THETA.check(f"config.json: {name}", value) for name, value in bases.items()]
    if len(set(thetas)) > 1:
        raise ValueError(f"config.json has two values: {', '.join(f'{name} {bases[name]}' for name in bases)}")
    return float(thetas[0])


def _vision(section: object) -> SiglipConfig:
    where = "config.json: vision_config"
    fields = {"layer_norm_eps": LAYER_NORM_EPS, "position_ids": "released", **ANY_TABLE.check(where, section)}
    _check_fixed(where, fields, {name: value for name, value in FIXED_VISION.items() if name in fields})
    numbers = take(where, fields, VISION, VISION)
    image_size, patch_size = numbers["image_size"], numbers["patch_size"]
    if image_size % patch_size:
        raise ValueError(f"config.json: vision image_size {image_size} is not a multiple of patch_size {patch_size}")
    return SiglipConfig(
        **{ours: numbers[name] for name, ours in VISION_SIZES.items()},
        num_positions_per_side=image_size // patch_size,
        layer_norm_eps=numbers["layer_norm_eps"],
        position_ids=numbers["position_ids"],
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
