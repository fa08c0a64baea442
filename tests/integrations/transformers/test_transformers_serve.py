"""What `transformers serve` makes of a checkpoint, by its own code; benchmarks/serving.py starts the command itself."""

from pathlib import Path

import pytest

pytest.importorskip("transformers", reason="the transformers extra is not installed")

from transformers.cli.serving.model_manager import ModelManager
from transformers.cli.serving.utils import Modality

from demiglace.integrations.transformers import MiniCPMVForConditionalGeneration, MiniCPMVProcessor


def test_it_is_loaded_and_seen_to_take_pictures(folder: Path) -> None:
    manager = ModelManager(device="cpu", dtype="float32", force_model=str(folder))
    model, processor = manager.load_model_and_processor(str(folder))
    assert type(model) is MiniCPMVForConditionalGeneration
    assert type(processor) is MiniCPMVProcessor
    assert manager.get_model_modality(model, processor) is Modality.VLM
