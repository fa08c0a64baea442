"""A trained model in the released layout."""

from __future__ import annotations

from pathlib import Path

import torch

from demiglace.model import weights
from demiglace.model.config_file import CheckpointFacts
from demiglace.model.minicpmv import MiniCPMV
from demiglace.processing.processor import Processor
from demiglace.safe_files import write_whole


def export(model: MiniCPMV, processor: Processor, folder: Path, start: Path | None) -> None:
    """Write the model in the released layout, in bfloat16 like the release; this converts `model` itself.

    start: folder of the model that training began from: its sampling (`generation_config.json`) is kept. None, for
    random weights, is greedy decoding.
    FloatingPointError if a weight is not finite: no loss follows the last step of a run to reveal it.
    """
    lost = [name for name, weight in model.named_parameters() if not weight.isfinite().all()]
    if lost:
        raise FloatingPointError(f"no model is written: {len(lost)} tensors have weights not finite, as {lost[0]}")
    facts = CheckpointFacts(**processor.checkpoint_facts(), do_sample=False)
    weights.save(model.to(torch.bfloat16), folder, facts=facts)
    processor.save(folder)
    if start is not None and (kept := start / weights.GENERATION_FILE).is_file():
        write_whole(folder / weights.GENERATION_FILE, kept.read_text())
