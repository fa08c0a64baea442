"""A trained model in the released layout."""

from __future__ import annotations

from pathlib import Path

import torch

from demiglace.model import weights
from demiglace.model.config_file import CheckpointFacts
from demiglace.model.minicpmv import MiniCPMV
from demiglace.processing.processor import Processor
from demiglace.rl.rollout_batch import PolicyLearner
from demiglace.safe_files import write_whole
from demiglace.training import checkpoint


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


def export_policy(start: Path, stage_folder: Path, folder: Path) -> None:
    """Export the policy of the last checkpoint in `stage_folder`, of a stage that began with the model in `start`."""
    learner = PolicyLearner(weights.load(start, torch.float32))
    last = checkpoint.latest(stage_folder)
    assert last is not None
    checkpoint.restore_learner(last, learner)
    with checkpoint.write_errors(stage_folder):
        export(learner.model, Processor.load(start), folder, start)
