"""The three architectures in two sizes: reduced for two cores, and as they are released.

Sources of the peers' numbers: the released config.json of Qwen/Qwen2.5-VL-7B-Instruct and of Qwen/Qwen3-VL-8B-Instruct,
and `transformers`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from video_rows import NUM_QUERIES, OURS, PATCH, QWEN3, QWEN3_PATCH, QWEN25

from demiglace.model.minicpmv import MiniCPMVConfig
from demiglace.model.presets import released_8b
from demiglace.model.qwen3 import Qwen3Config
from demiglace.model.resampler import ResamplerConfig
from demiglace.model.siglip import SiglipConfig


@dataclass(frozen=True)
class Qwen25Shape:
    """Qwen2.5-VL in our words: its layers have the same sizes as ours, but other norms and biases.

    full_attention_layers: layers of the encoder that see their whole picture; the others see windows.
    """

    vision: SiglipConfig
    full_attention_layers: tuple[int, ...]
    llm: Qwen3Config


@dataclass(frozen=True)
class Qwen3Shape:
    """Qwen3-VL in our words; `deep_layers` are those whose features enter the decoder too."""

    vision: SiglipConfig
    deep_layers: tuple[int, ...]
    llm: Qwen3Config


@dataclass(frozen=True)
class Size:
    ours: MiniCPMVConfig
    qwen25: Qwen25Shape
    qwen3: Qwen3Shape


def reduced() -> Size:
    """An eighth of the release's widths and a twelfth of its layers. All have decoders of one size. The encoder of
    Qwen2.5-VL has as many parameters as ours: its MLP has three matrices where ours has two. That of Qwen3-VL has our
    widths and a layer more, so that it has two whose features enter the decoder."""
    vision = SiglipConfig(hidden_size=144, intermediate_size=540, num_layers=2, num_heads=2, patch_size=PATCH)
    llm = Qwen3Config(
        vocab_size=4096,
        hidden_size=512,
        intermediate_size=1536,
        num_layers=3,
        num_heads=4,
        num_kv_heads=1,
        head_dim=128,
        rope_theta=1_000_000.0,
        rms_norm_eps=1e-6,
        max_position_embeddings=160_000,
    )
    resampler = ResamplerConfig(NUM_QUERIES, llm.hidden_size, vision.hidden_size, num_heads=4)
    return Size(
        MiniCPMVConfig(vision, resampler, llm),
        Qwen25Shape(replace(vision, intermediate_size=360), full_attention_layers=(1,), llm=llm),
        Qwen3Shape(
            replace(vision, num_layers=3, patch_size=QWEN3_PATCH),
            deep_layers=(0, 1),
            llm=replace(llm, rope_theta=5_000_000.0, max_position_embeddings=262_144),
        ),
    )


def full() -> Size:
    return Size(released_8b(), released_qwen25(), released_qwen3())


def released_qwen25() -> Qwen25Shape:
    vision = SiglipConfig(hidden_size=1280, intermediate_size=3420, num_layers=32, num_heads=16, patch_size=PATCH)
    llm = Qwen3Config(
        vocab_size=152_064,
        hidden_size=3584,
        intermediate_size=18_944,
        num_layers=28,
        num_heads=28,
        num_kv_heads=4,
        head_dim=128,
        rope_theta=1_000_000.0,
        rms_norm_eps=1e-6,
        max_position_embeddings=128_000,
    )
    return Qwen25Shape(vision, full_attention_layers=(7, 15, 23, 31), llm=llm)


def released_qwen3() -> Qwen3Shape:
    vision = SiglipConfig(hidden_size=1152, intermediate_size=4304, num_layers=27, num_heads=16, patch_size=QWEN3_PATCH)
    llm = Qwen3Config(
        vocab_size=151_936,
        hidden_size=4096,
        intermediate_size=12_288,
        num_layers=36,
        num_heads=32,
        num_kv_heads=8,
        head_dim=128,
        rope_theta=5_000_000.0,
        rms_norm_eps=1e-6,
        max_position_embeddings=262_144,
    )
    return Qwen3Shape(vision, deep_layers=(8, 16, 24), llm=llm)


SIZES = {"reduced": reduced, "full": full}
FULL_PARAMETERS = {OURS: 8_695_895_280, QWEN25: 8_292_166_656, QWEN3: 8_767_123_696}
