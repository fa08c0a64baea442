"""The architectures of Qwen2.5-VL and Qwen3-VL by `transformers` with random weights, and a clip as they take it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from video_models import Answer, Prepare, dtype_of
from video_rows import PATCH, QWEN3_MARK_TOKENS, QWEN3_PATCH, TEXT_TOKENS, Row
from video_sizes import Qwen3Shape, Qwen25Shape

from demiglace.model.qwen3 import Qwen3Config
from demiglace.model.siglip import SiglipConfig

if TYPE_CHECKING:
    from transformers import PretrainedConfig, Qwen2_5_VLConfig, Qwen3VLConfig

InputsOf = Callable[[Row, Any, str], dict[str, Tensor]]  # of a clip, for a configuration, on a device


def attention_of(device: str) -> str:
    """The fastest kernel of the peer that is installed."""
    return "flash_attention_2" if device != "cpu" and find_spec("flash_attn") else "sdpa"


def qwen_model(config: PretrainedConfig, device: str) -> nn.Module:
    from transformers import AutoModelForImageTextToText

    with torch.device(device):
        options = {"dtype": dtype_of(device), "attn_implementation": attention_of(device)}
        return AutoModelForImageTextToText.from_config(config, **options).eval()


def qwen25_config(shape: Qwen25Shape) -> Qwen2_5_VLConfig:
    from transformers import Qwen2_5_VLConfig

    return Qwen2_5_VLConfig(
        vision_config={
            **vision_fields(shape.vision, shape.llm),
            "fullatt_block_indexes": list(shape.full_attention_layers),
            "tokens_per_second": 2,
        },
        text_config={
            **text_fields(shape.llm, mrope_section=[16, 24, 24]),
            "bos_token_id": None,
            "eos_token_id": None,
        },
        **picture_ids(shape.llm),
    )


def qwen3_config(shape: Qwen3Shape) -> Qwen3VLConfig:
    from transformers import Qwen3VLConfig

    return Qwen3VLConfig(
        vision_config={
            **vision_fields(shape.vision, shape.llm),
            "patch_size": QWEN3_PATCH,
            "num_position_embeddings": 2304,
            "deepstack_visual_indexes": list(shape.deep_layers),
        },
        text_config={
            **text_fields(shape.llm, mrope_section=[24, 20, 20]),
            "head_dim": shape.llm.head_dim,
        },
        tie_word_embeddings=False,
        **picture_ids(shape.llm),
    )


def vision_fields(vision: SiglipConfig, llm: Qwen3Config) -> dict[str, int]:
    return {
        "depth": vision.num_layers,
        "hidden_size": vision.hidden_size,
        "intermediate_size": vision.intermediate_size,
        "num_heads": vision.num_heads,
        "out_hidden_size": llm.hidden_size,
    }


def text_fields(llm: Qwen3Config, mrope_section: list[int]) -> dict[str, object]:
    return {
        "vocab_size": llm.vocab_size,
        "hidden_size": llm.hidden_size,
        "intermediate_size": llm.intermediate_size,
        "num_hidden_layers": llm.num_layers,
        "num_attention_heads": llm.num_heads,
        "num_key_value_heads": llm.num_kv_heads,
        "max_position_embeddings": llm.max_position_embeddings,
        "rms_norm_eps": llm.rms_norm_eps,
        "rope_parameters": {"rope_type": "default", "rope_theta": llm.rope_theta, "mrope_section": mrope_section},
    }


def picture_ids(llm: Qwen3Config) -> dict[str, int]:
    """The last ids of the vocabulary stand for pictures."""
    names = ("image_token_id", "video_token_id", "vision_start_token_id", "vision_end_token_id")
    return {name: llm.vocab_size - 1 - place for place, name in enumerate(names)}


def qwen25_inputs(row: Row, config: Qwen2_5_VLConfig, device: str) -> dict[str, Tensor]:
    """What its processor gives for the clip (it needs torchvision; a test holds its count against ours), and text."""
    generator = torch.Generator().manual_seed(0)
    text = torch.randint(100, (TEXT_TOKENS,), generator=generator)
    video = torch.full((row.tokens,), config.video_token_id)
    start, end = torch.tensor([[config.vision_start_token_id], [config.vision_end_token_id]])
    ids = torch.cat((text[:20], start, video, end, text[20:])).unsqueeze(0)
    inputs = {
        "input_ids": ids,
        "mm_token_type_ids": 2 * (ids == config.video_token_id).int(),
        "pixel_values_videos": torch.rand(row.patches, 2 * 3 * PATCH**2, generator=generator).to(dtype_of(device)),
        "video_grid_thw": torch.tensor([[row.groups, row.patches_per_side, row.patches_per_side]]),
        "second_per_grid_ts": torch.tensor([row.clip_seconds / row.groups]),
    }
    return {name: tensor.to(device) for name, tensor in inputs.items()}


def qwen3_inputs(row: Row, config: Qwen3VLConfig, device: str) -> dict[str, Tensor]:
    """Each pair of frames behind its time, between two marks; then text."""
    generator = torch.Generator().manual_seed(0)
    text = torch.randint(100, (TEXT_TOKENS,), generator=generator)
    times = torch.randint(100, (row.groups, QWEN3_MARK_TOKENS - 2), generator=generator)
    start, end = config.vision_start_token_id, config.vision_end_token_id
    tokens = torch.full((row.groups, row.tokens // row.groups), config.video_token_id)
    marks = [torch.full((row.groups, 1), mark) for mark in (start, end)]
    frames = torch.cat((times, marks[0], tokens, marks[1]), dim=1).flatten()
    ids = torch.cat((text[:20], frames, text[20:])).unsqueeze(0)
    patches = torch.rand(row.patches, 2 * 3 * QWEN3_PATCH**2, generator=generator)
    inputs = {
        "input_ids": ids,
        "mm_token_type_ids": 2 * (ids == config.video_token_id).int(),
        "pixel_values_videos": patches.to(dtype_of(device)),
        "video_grid_thw": torch.tensor([[row.groups, row.patches_per_side, row.patches_per_side]]),
    }
    return {name: tensor.to(device) for name, tensor in inputs.items()}


def qwen_preparation(model: nn.Module, device: str, inputs_of: InputsOf = qwen25_inputs) -> Prepare:
    """Greedy, with logits of the last place alone, as `generate` of transformers asks for them."""

    def prepare(row: Row, new_tokens: int) -> Answer:
        prompt = inputs_of(row, model.config, device)

        def answer() -> Iterator[int]:
            inputs = prompt
            for _ in range(new_tokens):
                with torch.inference_mode():
                    output = model(**inputs, use_cache=True, logits_to_keep=1)
                token = output.logits[:, -1].argmax(dim=-1, keepdim=True)
                yield int(token)
                inputs = {"input_ids": token, "past_key_values": output.past_key_values}

        return answer

    return prepare
