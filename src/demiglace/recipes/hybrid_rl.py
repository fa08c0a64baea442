"""Hyperparameters of hybrid reinforcement learning (paper, section 5), in three sizes; `jobs/rl.py` runs it.

There is one stage: half of the prompts ask for long answers, half for short ones, and both modes are trained together.
The paper gives prompts, answers, limits, temperature and learning rate at 8b; the settings of an update are in
`rl.policy_settings`, with their sources.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from demiglace.data.mixture_file import RL, MixtureFile
from demiglace.recipes.preset_numbers import check_above_zero, numbers_of_preset
from demiglace.rl.policy_settings import PolicySettings
from demiglace.training.stage import Stage

FREE = ("micro_batch_prompts", "activation_checkpointing", "num_steps")  # may change when a run is resumed
ALL_BUT_ENCODER = ("model.resampler", "model.llm")  # so each picture is encoded only once a batch


@dataclass(frozen=True)
class HybridRlNumbers:
    """Hyperparameters for a model size; ValueError if a number is out of bounds.

    learning_rate: constant. policy: how answers are sampled and trained on.
    micro_batch_prompts: prompts, with their answers, per forward pass.
    long_share: share of the prompts that ask for a long answer; 0 and 1 are the pure modes.
    trainable: prefixes of the names of trainable parameters.
    """

    learning_rate: float
    num_steps: int
    policy: PolicySettings
    micro_batch_prompts: int
    long_share: float = 0.5  # paper
    trainable: tuple[str, ...] = ALL_BUT_ENCODER  # ours; ms-swift freezes the encoder too
    max_grad_norm: float = 1.0  # TRL
    activation_checkpointing: bool = False  # layers keep only their inputs

    def __post_init__(self) -> None:
        check_above_zero(self, ("learning_rate", "num_steps", "micro_batch_prompts", "max_grad_norm"))
        if not 0 <= self.long_share <= 1:
            raise ValueError(f"long_share must lie in [0, 1], got {self.long_share}")


NUMBERS = {
    "nano": HybridRlNumbers(
        learning_rate=1e-4,  # ours
        num_steps=200,  # ours
        policy=PolicySettings(batch_prompts=16, short_limit=64, long_limit=384),  # ours
        micro_batch_prompts=4,  # ours
    ),
    "small": HybridRlNumbers(
        learning_rate=1e-5,  # ours
        num_steps=500,  # ours
        policy=PolicySettings(batch_prompts=64, short_limit=512, long_limit=2048),  # ours
        micro_batch_prompts=4,  # ours
    ),
    "8b": HybridRlNumbers(
        learning_rate=1e-6,  # paper
        num_steps=720,  # paper: where its curves end
        policy=PolicySettings(),  # paper
        micro_batch_prompts=1,  # ours
        activation_checkpointing=True,  # ours
    ),
}
numbers_of = partial(numbers_of_preset, NUMBERS)


@dataclass(frozen=True)
class HybridRlRecipe:
    """A run: the user's mixture, the hyperparameters, and the folder of the model to start from.

    reward_model: folder of a transformers sequence classifier (`rl.reward_model`); None leaves its reward out.
    """

    mixture: MixtureFile
    numbers: HybridRlNumbers
    start: Path
    reward_model: Path | None = None
    seed: int = 0
    save_every: int = 20
    keep: int = 2  # checkpoints

    def stage(self) -> Stage:
        numbers = self.numbers
        return Stage(
            name=RL,
            trainable=numbers.trainable,
            num_steps=numbers.num_steps,
            learning_rate=numbers.learning_rate,
            warmup=0,  # paper: a fixed rate
            decay_share=0.0,
            min_lr_ratio=1.0,
            weight_decay=0.0,  # TRL
            max_grad_norm=numbers.max_grad_norm,
            save_every=self.save_every,
            keep=self.keep,
            muon=False,  # ours: AdamW, as in all frameworks
        )

    def settings(self) -> dict[str, Any]:
        """The settings that determine the run. As the rate is constant, a run may also be extended by more steps."""
        numbers = {name: value for name, value in asdict(self.numbers).items() if name not in FREE}
        numbers["policy"]["clip"] = asdict(self.numbers.policy.clip_bounds)
        sources = [asdict(entry) for entry in self.mixture.entries]
        settings = {"start": self.start, "seed": self.seed, "numbers": numbers, "sources": sources}
        return settings | {"reward_model": self.reward_model}
