"""Hyperparameters of the two stages of SFT (paper, section 4), in three sizes; `jobs/staged.py` runs them.

1. `general`: instructions of every kind, a tenth of them text only; videos are still single frames, as before.
2. `long_cot_3d`: long answers are added, and the 2D-Resampler becomes 3D: clips at frame rates up to 10, in packages
   of 1 to 6 frames. Both are drawn at random for generated clips; videos of records keep their own sampling. No weights
   are added.

The paper gives the learning rates at 8b and the share of text; the rest is ours.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from demiglace.data.mixture_file import MixtureFile
from demiglace.model import weights
from demiglace.model.minicpmv import MiniCPMVConfig
from demiglace.processing.processor import Processor
from demiglace.recipes.preset_numbers import check_above_zero, numbers_of_preset
from demiglace.training.stage import Stage

GENERAL, LONG_COT_3D = "general", "long_cot_3d"


@dataclass(frozen=True)
class SftNumbers:
    """Hyperparameters for a model size; ValueError if a number is out of bounds.

    learning_rate: peak of the general stage; long_learning_rate: of the second; min_learning_rate: at the end of both.
    sample_power: a sample with n tokens in the loss has weight n ** sample_power (`training.supervised`).
    length: tokens of a row; batch_rows: per step; micro_batch_rows: per forward pass.
    muon: Muon for matrices and AdamW for the rest, as in pre-training; otherwise AdamW for all.
    activation_checkpointing: layers keep only their inputs for the backward pass.
    long_trainable: prefixes of the names of trainable parameters in the second stage; in the first all are.
    """

    learning_rate: float
    long_learning_rate: float
    min_learning_rate: float
    length: int
    batch_rows: int
    micro_batch_rows: int
    num_steps: tuple[int, int]
    muon: bool
    activation_checkpointing: bool = False
    sample_power: float = 1.0  # ours: every token weighs the same
    long_trainable: tuple[str, ...] = ("model",)  # ours

    def __post_init__(self) -> None:
        check_above_zero(
            self,
            ("learning_rate", "long_learning_rate", "min_learning_rate", "length", "batch_rows", "micro_batch_rows"),
        )
        if self.min_learning_rate > min(self.learning_rate, self.long_learning_rate):
            raise ValueError(
                f"learning rates fall to {self.min_learning_rate}, "
                f"but begin at {self.learning_rate} and {self.long_learning_rate}"
            )
        if not 0 <= self.sample_power <= 1:
            raise ValueError(f"sample_power must lie in [0, 1], got {self.sample_power}")
        if min(self.num_steps) < 0 or not any(self.num_steps):
            raise ValueError(f"num_steps must be two numbers, none below 0 and not both 0, got {self.num_steps}")


NUMBERS = {
    "nano": SftNumbers(
        learning_rate=1e-3,  # ours
        long_learning_rate=6e-4,  # ours
        min_learning_rate=1e-4,  # ours
        length=1024,  # ours
        batch_rows=8,  # ours
        micro_batch_rows=4,  # ours
        num_steps=(450, 300),  # ours
        muon=True,  # ours
        long_trainable=("model.resampler", "model.llm"),  # ours: the encoder would be half of the work
    ),
    "small": SftNumbers(
        learning_rate=1e-4,  # ours
        long_learning_rate=5e-5,  # ours
        min_learning_rate=1e-5,  # ours
        length=4096,  # ours
        batch_rows=32,  # ours
        micro_batch_rows=4,  # ours
        num_steps=(5000, 2000),  # ours
        muon=True,  # ours
    ),
    "8b": SftNumbers(
        learning_rate=1e-5,  # paper
        long_learning_rate=5e-6,  # paper
        min_learning_rate=1e-6,  # paper
        length=16_384,  # ours: a clip of 180 packages has 11,520 visual tokens
        batch_rows=128,  # ours
        micro_batch_rows=1,  # ours
        num_steps=(10_000, 2000),  # ours; the paper's ablation upgrades in 300
        muon=False,  # ours: Qwen3 and SigLIP2 were trained with AdamW
        activation_checkpointing=True,  # ours
    ),
}
numbers_of = partial(numbers_of_preset, NUMBERS)


@dataclass(frozen=True)
class SftRecipe:
    """A run: the user's mixture, the hyperparameters, and the folder of the model to start from.

    static_patches: threshold of `processing.static_patches` for clips, in training and by default for the resulting
        checkpoint; None is that of `start`.
    """

    mixture: MixtureFile
    numbers: SftNumbers
    start: Path
    seed: int = 0
    save_every: int = 100
    keep: int = 2  # checkpoints
    static_patches: float | None = None

    def stages(self) -> list[Stage]:
        """The stages in order, without those that have no steps."""
        numbers, (first, second) = self.numbers, self.numbers.num_steps
        general = self.stage(GENERAL, ("model",), first, numbers.learning_rate)
        long_cot_3d = self.stage(LONG_COT_3D, numbers.long_trainable, second, numbers.long_learning_rate)
        return [stage for stage in (general, long_cot_3d) if stage.num_steps]

    def stage(self, name: str, trainable: tuple[str, ...], num_steps: int, learning_rate: float) -> Stage:
        return Stage(
            name=name,
            trainable=trainable,
            num_steps=num_steps,
            learning_rate=learning_rate,
            warmup=max(1, num_steps // 20),  # ours; the paper mentions a warm-up only for the second stage
            decay_share=1.0,
            min_lr_ratio=self.numbers.min_learning_rate / learning_rate,
            weight_decay=0.05,  # ours
            max_grad_norm=1.0,  # ours
            save_every=self.save_every,
            keep=self.keep,
            decay="cosine",  # paper, for the first stage
            sample_power=self.numbers.sample_power,
            muon=self.numbers.muon,
        )

    def config(self) -> MiniCPMVConfig:
        return weights.read_config(self.start)

    def processor(self) -> Processor:
        return Processor.load(self.start).with_static_patches(self.static_patches)

    def settings(self) -> dict[str, Any]:
        numbers = asdict(self.numbers)
        for free in ("micro_batch_rows", "activation_checkpointing"):
            del numbers[free]
        sources = [asdict(entry) for entry in self.mixture.entries]
        chosen = {} if self.static_patches is None else {"static_patches": self.static_patches}
        return {"start": self.start, "seed": self.seed, "numbers": numbers, "sources": sources, **chosen}
