"""Hyperparameters of the paper's three pre-training stages (section 3), in three sizes; `jobs/staged.py` runs them.

1. `resampler`: only the resampler; 2. `vision`: resampler and encoder, the decoder frozen; 3. `full`: everything, and
the learning rate decays over the last part while the mixture shifts to its late weights. The paper gives the order, the
trainable parts and the learning rates at 8b; it gives no batch sizes, steps, lengths or optimizer, so these are ours.

In the paper the resampler is 2D here: videos are single frames. This is left to the mixture.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from demiglace.data.mixture_file import MixtureFile
from demiglace.model import weights
from demiglace.model.minicpmv import MiniCPMVConfig
from demiglace.model.presets import preset
from demiglace.processing.processor import Processor
from demiglace.processing.processor_config import ProcessorConfig
from demiglace.processing.slicing import SlicingConfig
from demiglace.processing.tokenizer import Tokenizer
from demiglace.recipes.preset_numbers import check_above_zero, numbers_of_preset
from demiglace.training.stage import Stage

DECAY_SHARE = 0.2  # ours: share of the last stage over which learning rate and mixture change


@dataclass(frozen=True)
class PretrainingNumbers:
    """Hyperparameters for a model size; ValueError if a number is out of bounds."""

    learning_rate: float
    length: int  # tokens of a row
    batch_rows: int  # per step
    micro_batch_rows: int  # per forward pass
    num_steps: tuple[int, int, int]
    slicing: SlicingConfig  # of a new processor, if training starts from random weights
    activation_checkpointing: bool = False  # layers keep only their inputs

    def __post_init__(self) -> None:
        check_above_zero(self, ("learning_rate", "length", "batch_rows", "micro_batch_rows"))
        if min(self.num_steps) < 0 or not any(self.num_steps):
            raise ValueError(f"num_steps must be three numbers, none below 0 and not all 0, got {self.num_steps}")


NUMBERS = {
    "nano": PretrainingNumbers(
        learning_rate=1.5e-3,  # ours
        length=1024,  # ours
        batch_rows=8,  # ours
        micro_batch_rows=2,  # ours
        num_steps=(100, 100, 1000),  # ours
        slicing=SlicingConfig(scale_resolution=224, patch_size=14, max_slices=4),  # ours
    ),
    "small": PretrainingNumbers(
        learning_rate=3e-4,  # ours
        length=4096,  # ours
        batch_rows=32,  # ours
        micro_batch_rows=4,  # ours
        num_steps=(1000, 2000, 20_000),  # ours
        slicing=SlicingConfig(),  # released code
    ),
    "8b": PretrainingNumbers(
        learning_rate=5e-5,  # paper
        length=8192,  # ours
        batch_rows=256,  # ours
        micro_batch_rows=1,  # ours
        num_steps=(5000, 10_000, 50_000),  # ours
        slicing=SlicingConfig(),  # released code
        activation_checkpointing=True,  # ours
    ),
}
numbers_of = partial(numbers_of_preset, NUMBERS)
TRAINABLE = {  # paper
    "resampler": ("model.resampler",),
    "vision": ("model.resampler", "model.vpm"),
    "full": ("model",),
}


@dataclass(frozen=True)
class PretrainingRecipe:
    """A run: the user's mixture, the size, and the model to start from.

    preset: the size of a model with random weights. start: folder of a model to start from; None is random weights.
    """

    mixture: MixtureFile
    preset: str
    numbers: PretrainingNumbers
    seed: int = 0
    start: Path | None = None
    save_every: int = 100
    keep: int = 2  # checkpoints

    def __post_init__(self) -> None:
        if self.preset == "8b" and self.start is None:
            raise ValueError(
                "8b starts from a pre-trained encoder and decoder (paper: SigLIP2 and Qwen3): give their folder"
            )

    def stages(self) -> list[Stage]:
        """The stages in order, without those that have no steps."""
        steps = zip(TRAINABLE, self.numbers.num_steps, strict=True)
        return [self.stage(name, num_steps) for name, num_steps in steps if num_steps]

    def stage(self, name: str, num_steps: int) -> Stage:
        return Stage(
            name=name,
            trainable=TRAINABLE[name],
            num_steps=num_steps,
            learning_rate=self.numbers.learning_rate,
            warmup=min(100, num_steps // 10),  # ours
            decay_share=DECAY_SHARE if name == "full" else 0.0,
            min_lr_ratio=0.2,  # paper: 5e-5 to 1e-5
            weight_decay=0.1,  # ours
            max_grad_norm=1.0,  # ours
            save_every=self.save_every,
            keep=self.keep,
        )

    def config(self) -> MiniCPMVConfig:
        return preset(self.preset) if self.start is None else weights.read_config(self.start)

    def processor(self) -> Processor:
        if self.start is not None:
            return Processor.load(self.start)
        config = ProcessorConfig(self.numbers.slicing, self.config().resampler.num_queries)
        return Processor(Tokenizer.bytes_only(), config)

    def settings(self) -> dict[str, Any]:
        numbers = asdict(self.numbers)
        return {
            "preset": self.preset,
            "seed": self.seed,
            "start": self.start,
            **{name: numbers[name] for name in ("learning_rate", "length", "batch_rows", "num_steps")},
            "sources": [asdict(entry) for entry in self.mixture.entries],
        }
