"""A learner small enough to train in a test, and samples whose labels are made up."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from demiglace.bootstrap.glyph_labels import label
from demiglace.bootstrap.learner import SLOTS_PER_TOKEN, Learner, learner_from_seed
from demiglace.bootstrap.picture_shards import ReadingSample, character_classes
from demiglace.model.minicpmv import MiniCPMVConfig
from demiglace.model.qwen3 import Qwen3Config
from demiglace.model.resampler import ResamplerConfig
from demiglace.model.siglip import SiglipConfig
from demiglace.processing.processor import Processor
from demiglace.processing.processor_config import ProcessorConfig
from demiglace.processing.slicing import SlicingConfig
from demiglace.processing.tokenizer import Tokenizer

PATCH = 14
NUM_QUERIES = 8


@pytest.fixture(scope="session")
def config() -> MiniCPMVConfig:
    vision = SiglipConfig(hidden_size=32, intermediate_size=64, num_layers=2, num_heads=2, patch_size=PATCH)
    resampler = ResamplerConfig(num_queries=NUM_QUERIES, hidden_size=32, feature_size=32, num_heads=2)
    llm = Qwen3Config(
        vocab_size=384, hidden_size=32, intermediate_size=64, num_layers=2, num_heads=2, num_kv_heads=1, head_dim=16,
        rope_theta=10000.0, rms_norm_eps=1e-6, max_position_embeddings=512,
    )  # fmt: skip
    return MiniCPMVConfig(vision, resampler, llm)


@pytest.fixture
def learner(config) -> Learner:
    return learner_from_seed(config, seed=0)


@pytest.fixture
def draw() -> Callable[[str], ReadingSample]:
    return picture


@pytest.fixture
def samples() -> list[ReadingSample]:
    """Each character is a patch of one gray level, so that little learning is needed to read them."""
    return [picture(text) for text in ("abc", "cab", "bca", "aab")]


@pytest.fixture(scope="session")
def processor() -> Processor:
    slicing = SlicingConfig(scale_resolution=2 * PATCH, patch_size=PATCH, max_slices=1)
    return Processor(Tokenizer.bytes_only(), ProcessorConfig(slicing=slicing, num_queries=NUM_QUERIES))


def picture(text: str) -> ReadingSample:
    levels = {"a": 20, "b": 120, "c": 220}
    patches = np.stack([np.full(PATCH**2, levels[character], dtype=np.uint8) for character in text])
    boxes = np.array([[PATCH * i, 0, PATCH * (i + 1), PATCH] for i in range(len(text))], dtype=np.float32)
    grid = (1, len(text))
    labels = label(character_classes(text), boxes, grid, PATCH, NUM_QUERIES, NUM_QUERIES * SLOTS_PER_TOKEN)
    return ReadingSample(patches, grid, text, labels)
