"""Estimate of a fine-tuning run before it starts: memory by formula, time by operations and a measured peak."""

from __future__ import annotations

from dataclasses import dataclass, replace

from demiglace.data.dataset_statistics import DatasetStatistics
from demiglace.jobs.machine import Machine
from demiglace.model import weights
from demiglace.planning.duration import UTILISATION
from demiglace.planning.memory import process_memory
from demiglace.planning.training_setup import TrainingSetup
from demiglace.recipes.finetuning import FinetuningRecipe


@dataclass(frozen=True)
class FinetuningEstimate:
    """Bytes per process. weight_bytes: weights, gradients and AdamW's two moments; memory_bytes: everything."""

    num_steps: int
    weight_bytes: float
    memory_bytes: float
    seconds: float


def predict(recipe: FinetuningRecipe, data: DatasetStatistics, machine: Machine, peak: float) -> FinetuningEstimate:
    """The estimate of a run of `recipe` on the surveyed data; `peak`: operations per second of all processes."""
    setup = replace(setup_of(recipe), dtype=machine.dtype_name, processes=machine.ranks.count)
    parts = process_memory(setup, weights.read_config(recipe.model), data, machine.device.type == "cpu")
    flops = data.flops * data.num_records / max(1, data.samples) * recipe.epochs
    num_steps = recipe.num_steps(data.lengths)
    held = parts.weights + parts.gradients + parts.optimizer
    return FinetuningEstimate(num_steps, held, parts.total, flops / (UTILISATION * peak))


def setup_of(recipe: FinetuningRecipe) -> TrainingSetup:
    """In one process, in float32."""
    return TrainingSetup(
        recipe.method, recipe.parts, recipe.lora, recipe.length, recipe.batch_rows, recipe.micro_batch_rows,
        recipe.activation_checkpointing,
    )  # fmt: skip
