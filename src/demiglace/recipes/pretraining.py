"""The paper's three pre-training stages as data (paper, section 3), in three sizes; `jobs/staged.py` runs them.

1. `resampler`: the resampler alone; 2. `vision`: the encoder with it, the decoder frozen; 3. `full`: everything, and
the learning rate decays over the last part while the mixture shifts to its late weights. The paper gives the order, the
trainable parts and the learning rates at 8b; it gives no batch sizes, steps, lengths or optimizer, so these are ours.

The resampler is 2D here in the paper: videos come as frames of their own, which is the mixture's matter.
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
from demiglace.recipes.preset_numbers import check_above_zero, check_checkpoints, numbers_of_preset
from demiglace.training.stage import Stage

DECAY_SHARE = 0.2  # ours: part of the last stage over which rate and mixture change


@dataclass(frozen=True)
class PretrainingNumbers:
    """What suits a size of model; ValueError where a number cannot be."""

    learning_rate: float
    length: int  # tokens of a row
    batch_rows: int  # of a step
    micro_batch_rows: int  # that go through the model at once
    num_steps: tuple[int, int, int]
    slicing: SlicingConfig  # of a processor made from nothing
    activation_checkpointing: bool = False  # activation checkpointing

    def __post_init__(self) -> None:
        check_above_zero(self, ("learning_rate", "length", "batch_rows", "micro_batch_rows"))
        if min(self.num_steps) < 0 or not any(self.num_steps):
            raise ValueError(f"three numbers of steps from 0, one of them more, are needed, got {self.num_steps}")


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
    """A run: the user's mixture, the size, and where to begin.

    preset: the size of a model drawn from nothing. start: folder of a model to begin from; None draws one.
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
            raise ValueError("8b begins from a model that sees and speaks (paper: SigLIP2 and Qwen3): name its folder")
        check_checkpoints(self.save_every, self.keep)

    def stages(self) -> list[Stage]:
        """In order, those without steps left out."""
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
            log_every=1,
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
