"""Qwen3-VL beside the architectures of `video_rows` and `video_peers`: its rows, sizes, operations and inputs.

Sources of its numbers: the released config.json of Qwen/Qwen3-VL-8B-Instruct and `transformers`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from video_peers import attention_of, dtype_of
from video_rows import (
    AS_MANY,
    DEFAULTS,
    QWEN3,
    QWEN3_MARK_TOKENS,
    SIDE,
    TEXT_TOKENS,
    Operations,
    Row,
    decoder_operations,
    our_row,
)

from demiglace.evaluation.visual_token_cost import QWEN3_CELL, video_costs
from demiglace.model.qwen3 import Qwen3Config
from demiglace.model.siglip import SiglipConfig

PATCH3 = 16


@dataclass(frozen=True)
class Qwen3Shape:
    """Its layers have the sizes of our words; `deep_layers` are those whose features enter the decoder too."""

    vision: SiglipConfig
    deep_layers: tuple[int, ...]
    llm: Qwen3Config


def qwen3_rows(seconds: float) -> list[Row]:
    """Its defaults, and at as many frames as both policies of ours take."""
    cost = next(cost for cost in video_costs(SIDE, SIDE, seconds, 1, 1) if cost.name == QWEN3)
    cells = math.isqrt(cost.tokens // cost.packages)  # a square clip stays square
    free = Row(QWEN3, DEFAULTS, seconds, cost.pictures, cost.packages, cost.packages * cells**2, 2 * cells)
    return [free, *(_as_many(our_row(policy, seconds)) for policy in AS_MANY)]


def _as_many(ours: Row) -> Row:
    """Frames of their full size, in pairs."""
    pairs, cells = math.ceil(ours.frames / 2), SIDE // QWEN3_CELL
    return Row(QWEN3, AS_MANY[ours.policy], ours.clip_seconds, ours.frames, pairs, pairs * cells**2, 2 * cells)


def qwen3_full() -> Qwen3Shape:
    vision = SiglipConfig(hidden_size=1152, intermediate_size=4304, num_layers=27, num_heads=16, patch_size=PATCH3)
    llm = Qwen3Config(
        vocab_size=151_936, hidden_size=4096, intermediate_size=12_288, num_layers=36, num_heads=32, num_kv_heads=8,
        head_dim=128, rope_theta=5_000_000.0, rms_norm_eps=1e-6, max_position_embeddings=262_144,
    )  # fmt: skip
    return Qwen3Shape(vision, deep_layers=(8, 16, 24), llm=llm)


def qwen3_reduced() -> Qwen3Shape:
    """In the manner of `video_rows.reduced`, with the same decoder."""
    vision = SiglipConfig(hidden_size=144, intermediate_size=540, num_layers=3, num_heads=2, patch_size=PATCH3)
    llm = Qwen3Config(
        vocab_size=4096, hidden_size=512, intermediate_size=1536, num_layers=3, num_heads=4, num_kv_heads=1,
        head_dim=128, rope_theta=5_000_000.0, rms_norm_eps=1e-6, max_position_embeddings=262_144,
    )  # fmt: skip
    return Qwen3Shape(vision, deep_layers=(0, 1), llm=llm)


QWEN3_SIZES = {"reduced": qwen3_reduced, "full": qwen3_full}


def qwen3_operations(row: Row, shape: Qwen3Shape, new_tokens: int) -> Operations:
    """As `video_rows.operations`; every layer of the encoder sees its whole picture, a pair of frames."""
    vision, llm = shape.vision, shape.llm
    layer = 4 * vision.hidden_size**2 + 2 * vision.hidden_size * vision.intermediate_size
    weights = vision.num_layers * layer + 2 * 3 * PATCH3**2 * vision.hidden_size
    seen = 2 * vision.num_layers * vision.hidden_size * row.patches_per_side**2
    merged = 4 * vision.hidden_size
    mergers = 1 + len(shape.deep_layers)
    return Operations(
        encoder=2 * (weights + seen) * row.patches,
        between=2 * mergers * (merged**2 + merged * llm.hidden_size) * row.tokens,
        decoder=decoder_operations(llm, row.prompt_tokens, new_tokens),
    )


def qwen3_model(shape: Qwen3Shape, device: str) -> nn.Module:
    from transformers import AutoModelForImageTextToText

    with torch.device(device):
        options = {"dtype": dtype_of(device), "attn_implementation": attention_of(device)}
        return AutoModelForImageTextToText.from_config(qwen3_config(shape), **options).eval()


def qwen3_config(shape: Qwen3Shape) -> Any:
    """A `Qwen3VLConfig`. The last ids of the vocabulary stand for pictures."""
    from transformers import Qwen3VLConfig

    vision, llm = shape.vision, shape.llm
    ids = ("image_token_id", "video_token_id", "vision_start_token_id", "vision_end_token_id")
    return Qwen3VLConfig(
        vision_config={
            "depth": vision.num_layers,
            "hidden_size": vision.hidden_size,
            "intermediate_size": vision.intermediate_size,
            "num_heads": vision.num_heads,
            "patch_size": PATCH3,
            "out_hidden_size": llm.hidden_size,
            "num_position_embeddings": 2304,
            "deepstack_visual_indexes": list(shape.deep_layers),
        },
        text_config={
            "vocab_size": llm.vocab_size,
            "hidden_size": llm.hidden_size,
            "intermediate_size": llm.intermediate_size,
            "num_hidden_layers": llm.num_layers,
            "num_attention_heads": llm.num_heads,
            "num_key_value_heads": llm.num_kv_heads,
            "head_dim": llm.head_dim,
            "max_position_embeddings": llm.max_position_embeddings,
            "rms_norm_eps": llm.rms_norm_eps,
            "rope_parameters": {"rope_type": "default", "rope_theta": llm.rope_theta, "mrope_section": [24, 20, 20]},
        },
        tie_word_embeddings=False,
        **{name: llm.vocab_size - 1 - place for place, name in enumerate(ids)},
    )


def qwen3_inputs(row: Row, config: Any, device: str) -> dict[str, Tensor]:
    """Each pair of frames behind its time, between two marks; then text."""
    generator = torch.Generator().manual_seed(0)
    text = torch.randint(100, (TEXT_TOKENS,), generator=generator)
    times = torch.randint(100, (row.groups, QWEN3_MARK_TOKENS - 2), generator=generator)
    start, end = config.vision_start_token_id, config.vision_end_token_id
    tokens = torch.full((row.groups, row.tokens // row.groups), config.video_token_id)
    marks = [torch.full((row.groups, 1), mark) for mark in (start, end)]
    frames = torch.cat((times, marks[0], tokens, marks[1]), dim=1).flatten()
    ids = torch.cat((text[:20], frames, text[20:])).unsqueeze(0)
    inputs = {
        "input_ids": ids,
        "mm_token_type_ids": 2 * (ids == config.video_token_id).int(),
        "pixel_values_videos": torch.rand(row.patches, 2 * 3 * PATCH3**2, generator=generator).to(dtype_of(device)),
        "video_grid_thw": torch.tensor([[row.groups, row.patches_per_side, row.patches_per_side]]),
    }
    return {name: tensor.to(device) for name, tensor in inputs.items()}
