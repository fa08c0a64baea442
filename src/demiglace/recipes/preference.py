"""Hyperparameters of RLAIF-V and DPO (paper, section on RLAIF-V), in three sizes; `jobs/preference.py` runs them.

Pairs come from the model's own answers, judged claim by claim, or from a user's file.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

from demiglace.data.mixture_file import PREFERENCE, MixtureFile
from demiglace.data.sources.jsonl import JsonFile
from demiglace.data.sources.object_store import StoredRecords
from demiglace.recipes.hybrid_rl import ALL_BUT_ENCODER
from demiglace.recipes.preset_numbers import check_above_zero, numbers_of_preset
from demiglace.rl.answer_judge import AnswerSettings
from demiglace.rl.server_address import check_address
from demiglace.training.stage import Stage


@dataclass(frozen=True)
class PreferenceNumbers:
    """Hyperparameters for a model size; ValueError if a number is out of bounds.

    learning_rate: peak. beta: of DPO, how strongly the policy is held to the reference. nll_weight: as in
    `PreferenceObjective`. batch_pairs: per step; micro_batch_pairs: per forward pass.
    prompts: number answered for pairs; pairs_of_a_prompt: limit for each prompt.
    long_share: share of the prompts that ask for a long answer.
    trainable: prefixes of the names of trainable parameters.
    """

    learning_rate: float
    num_steps: int
    batch_pairs: int
    micro_batch_pairs: int
    prompts: int
    answers: AnswerSettings = field(default_factory=AnswerSettings)
    beta: float = 0.1  # paper
    nll_weight: float = 0.0  # ours: the paper is silent
    pairs_of_a_prompt: int = 2  # RLAIF-V
    long_share: float = 0.0  # ours
    trainable: tuple[str, ...] = ALL_BUT_ENCODER  # ours, as in hybrid RL
    max_grad_norm: float = 1.0  # TRL
    activation_checkpointing: bool = False  # layers keep only their inputs

    def __post_init__(self) -> None:
        names = ("learning_rate", "num_steps", "batch_pairs", "micro_batch_pairs", "prompts", "beta")
        check_above_zero(self, (*names, "pairs_of_a_prompt", "max_grad_norm"))
        if not 0 <= self.nll_weight < math.inf:
            raise ValueError(f"nll_weight must be a number from 0, got {self.nll_weight}")
        if not 0 <= self.long_share <= 1:
            raise ValueError(f"long_share must lie in [0, 1], got {self.long_share}")


NUMBERS = {
    "nano": PreferenceNumbers(
        learning_rate=1e-5,  # ours: at 5e-5 hallucinations increase (experiments/rlaif_v)
        num_steps=30,  # ours
        batch_pairs=16,  # ours
        micro_batch_pairs=8,  # ours
        prompts=256,  # ours
        answers=AnswerSettings(short_limit=64, long_limit=384),  # ours, as in hybrid RL
    ),
    "small": PreferenceNumbers(
        learning_rate=5e-6,  # ours
        num_steps=400,  # ours
        batch_pairs=64,  # ours
        micro_batch_pairs=4,  # ours
        prompts=16_384,  # ours
        answers=AnswerSettings(short_limit=512, long_limit=2048),  # ours
    ),
    "8b": PreferenceNumbers(
        learning_rate=1e-6,  # paper
        num_steps=400,  # paper
        batch_pairs=256,  # paper
        micro_batch_pairs=1,  # ours
        prompts=51_200,  # ours: with two pairs each, as many as the paper's steps need
        activation_checkpointing=True,  # ours
    ),
}
numbers_of = partial(numbers_of_preset, NUMBERS)


@dataclass(frozen=True)
class VerifierChoice:
    """The model that verifies claims: the policy itself, the model in `folder`, or `model` behind `address`.

    claims: whether answers are split by rule, or by the same model. patience: seconds to wait for a server.
    """

    folder: Path | None = None
    address: str | None = None
    model: str | None = None
    claims: Literal["rule", "model"] = "rule"
    patience: float = 600.0

    def __post_init__(self) -> None:
        if self.claims not in ("rule", "model"):
            raise ValueError(f"claims must be 'rule' or 'model', got {self.claims!r:.50}")
        if self.model is not None and self.address is None:
            raise ValueError(f"the verifier's model {self.model} is a name at a server, but no address is given")
        if self.address is not None:
            check_address(self.address)

    def settings(self) -> dict[str, Any]:
        """The settings that determine verdicts: without the address, because a server may move."""
        is_server = self.address is not None
        return {"folder": self.folder, "is_server": is_server, "model": self.model, "claims": self.claims}


@dataclass(frozen=True)
class PreferenceRecipe:
    """A run: prompts of a mixture to be answered, or pairs in JSON; hyperparameters, and the model to start from."""

    source: MixtureFile | JsonFile | StoredRecords
    numbers: PreferenceNumbers
    start: Path
    verifier: VerifierChoice = field(default_factory=VerifierChoice)
    seed: int = 0
    save_every: int = 20
    keep: int = 2  # checkpoints

    def stage(self) -> Stage:
        numbers = self.numbers
        return Stage(
            name=PREFERENCE,
            trainable=numbers.trainable,
            num_steps=numbers.num_steps,
            learning_rate=numbers.learning_rate,
            warmup=max(1, numbers.num_steps // 20),  # RLAIF-V
            decay_share=1.0,
            min_lr_ratio=0.0,  # RLAIF-V
            weight_decay=0.0,  # TRL
            max_grad_norm=numbers.max_grad_norm,
            save_every=self.save_every,
            keep=self.keep,
            decay="cosine",  # RLAIF-V
            muon=False,  # ours: AdamW, as in all frameworks
        )

    def settings(self) -> dict[str, Any]:
        """The settings that determine the run."""
        free = ("micro_batch_pairs", "activation_checkpointing")
        numbers = {name: value for name, value in asdict(self.numbers).items() if name not in free}
        settings = {"start": self.start, "seed": self.seed, "numbers": numbers}
        if isinstance(self.source, JsonFile):
            return settings | {"pairs": asdict(self.source)}
        if isinstance(self.source, StoredRecords):
            addresses = [file.address for file in self.source.stored]
            return settings | {"pairs": {"addresses": addresses, "media": self.source.media}}
        sources = [asdict(entry) for entry in self.source.entries]
        return settings | {"sources": sources, "verifier": self.verifier.settings()}
