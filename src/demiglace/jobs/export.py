"""A trained model in the released layout."""

from __future__ import annotations

from pathlib import Path

import torch

from demiglace.model import weights
from demiglace.model.config_file import CheckpointFacts
from demiglace.model.minicpmv import MiniCPMV
from demiglace.processing.processor import Processor


def export(model: MiniCPMV, processor: Processor, folder: Path) -> None:
    """Write the model in the released layout, in bfloat16 as the release, which `model` then is too."""
    facts = CheckpointFacts(**processor.checkpoint_facts(), do_sample=False)
    weights.save(model.to(torch.bfloat16), folder, facts=facts)
    processor.save(folder)
