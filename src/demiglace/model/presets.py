"""One model family in three sizes: `8b` is the release, `small` is for one GPU, `nano` trains on a laptop."""

from __future__ import annotations

from demiglace.model.minicpmv import MiniCPMVConfig
from demiglace.model.qwen3 import Qwen3Config
from demiglace.model.resampler import ResamplerConfig
from demiglace.model.siglip import SiglipConfig


def preset(name: str) -> MiniCPMVConfig:
    """The configuration called `name`; ValueError if there is none."""
    presets = {"nano": nano, "small": small, "8b": released_8b}
    if name not in presets:
        raise ValueError(f"unknown preset {name!r}; choose from {', '.join(presets)}")
    return presets[name]()


def nano() -> MiniCPMVConfig:
    """9.9 million parameters."""
    return MiniCPMVConfig(
        vision=SiglipConfig(
            hidden_size=256,  # ours
            intermediate_size=1024,  # ours
            num_layers=6,  # ours
            num_heads=4,  # ours
            patch_size=14,  # released code
            num_positions_per_side=70,  # released code
        ),
        resampler=ResamplerConfig(
            num_queries=64,  # released code
            hidden_size=256,  # the decoder's
            feature_size=256,  # the encoder's
            num_heads=8,  # ours; the release has hidden_size / 128
        ),
        llm=Qwen3Config(
            vocab_size=384,  # ours: bytes and special tokens
            hidden_size=256,  # ours
            intermediate_size=768,  # ours
            num_layers=4,  # ours
            num_heads=4,  # ours
            num_kv_heads=2,  # ours
            head_dim=64,  # ours
            rope_theta=10_000.0,  # ours
            rms_norm_eps=1e-6,  # released code
            max_position_embeddings=4096,  # ours
        ),
    )


def small() -> MiniCPMVConfig:
    """190 million parameters."""
    return MiniCPMVConfig(
        vision=SiglipConfig(
            hidden_size=576,  # ours: half of the release
            intermediate_size=2304,  # ours
            num_layers=12,  # ours
            num_heads=8,  # ours: heads of 72, as in the release
            patch_size=14,  # released code
            num_positions_per_side=70,  # released code
        ),
        resampler=ResamplerConfig(
            num_queries=64,  # released code
            hidden_size=768,  # the decoder's
            feature_size=576,  # the encoder's
            num_heads=12,  # ours; the release has hidden_size / 128
        ),
        llm=Qwen3Config(
            vocab_size=16_384,  # ours
            hidden_size=768,  # ours
            intermediate_size=2304,  # ours: three times the hidden size, as in the release
            num_layers=16,  # ours
            num_heads=12,  # ours
            num_kv_heads=4,  # ours
            head_dim=64,  # ours
            rope_theta=1_000_000.0,  # released code
            rms_norm_eps=1e-6,  # released code
            max_position_embeddings=16_384,  # ours
        ),
    )


def released_8b() -> MiniCPMVConfig:
    """The release: 8,695,895,280 parameters. Every number is the released code's."""
    return MiniCPMVConfig(
        vision=SiglipConfig(
            hidden_size=1152,  # released code
            intermediate_size=4304,  # released code
            num_layers=27,  # released code
            num_heads=16,  # released code
            patch_size=14,  # released code
            num_positions_per_side=70,  # released code
            position_ids="released",  # released code: the arithmetic its weights were trained with
        ),
        resampler=ResamplerConfig(
            num_queries=64,  # released code, paper
            hidden_size=4096,  # the decoder's
            feature_size=1152,  # the encoder's
            num_heads=32,  # released code: hidden_size / 128
        ),
        llm=Qwen3Config(
            vocab_size=151_748,  # released code
            hidden_size=4096,  # released code
            intermediate_size=12_288,  # released code
            num_layers=36,  # released code
            num_heads=32,  # released code
            num_kv_heads=8,  # released code
            head_dim=128,  # released code
            rope_theta=1_000_000.0,  # released code
            rms_norm_eps=1e-6,  # released code
            max_position_embeddings=40_960,  # released code
        ),
    )
