"""A tiny checkpoint, and transformers' model and processor of it. Imports wait: tests skip without the extra."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from demiglace.integrations.transformers import MiniCPMVForConditionalGeneration, MiniCPMVProcessor


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny checkpoint in float32, its weights so large that answers differ with what was asked and seen."""
    import torch
    from checkpoints import make_outspoken, tiny_checkpoint

    from demiglace.model import weights
    from demiglace.model.config_file import CheckpointFacts
    from demiglace.processing.processor import Processor

    folder = tiny_checkpoint(tmp_path_factory.mktemp("loud") / "checkpoint", released_ids=False)
    model = weights.load(folder, torch.float32)
    make_outspoken(model)
    facts = CheckpointFacts(**Processor.load(folder).checkpoint_facts(), do_sample=False)
    weights.save(model, folder, facts, max_shard_bytes=10_000)
    return folder


@pytest.fixture(scope="module")
def model(folder: Path) -> MiniCPMVForConditionalGeneration:
    from transformers import AutoModelForImageTextToText

    return AutoModelForImageTextToText.from_pretrained(folder)


@pytest.fixture(scope="module")
def processor(folder: Path) -> MiniCPMVProcessor:
    from transformers import AutoProcessor

    return AutoProcessor.from_pretrained(folder)
