"""Hyperparameters of fine-tuning a finished model on a user's records; `jobs/finetuning.py` runs it.

The paper's general SFT trains everything, with a cosine learning rate from 1e-5 down to a tenth of it (section 4); the
rest is ours.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path

from demiglace.conversation import VideoSampling
from demiglace.data.measured_lengths import MeasuredLengths
from demiglace.data.mixture import Mixture
from demiglace.data.object_cache import ObjectCache
from demiglace.data.source import Source
from demiglace.data.sources.object_store import DEFAULT_CACHE
from demiglace.data.sources.record_files import Media, RecordFile, open_records, place_of
from demiglace.data.split import Portion
from demiglace.model.adapters import Lora, targets_of
from demiglace.model.minicpmv import MiniCPMVConfig
from demiglace.planning import training_setup as planning
from demiglace.planning.training_setup import Method
from demiglace.processing.processor import Processor
from demiglace.processing.slicing import SLICING
from demiglace.training.stage import Stage

PARTS = {part: f"model.{name}" for part, name in planning.PARTS.items()}
STAGE = "finetune"
MOST_STEPS_BETWEEN = 100  # checkpoints (ours)
ROUNDS_OF_CHECKPOINTS = 20  # checkpoints of a short run (ours)

# (maximum number of parameters, peak learning rate) of full fine-tuning; adapters have ten times the rate (ours).
FULL_LEARNING_RATES = ((5e7, 3e-4), (1e9, 5e-5), (math.inf, 1e-5))  # the last: paper, general SFT
ADAPTER_FACTOR = 10.0


@dataclass(frozen=True)
class FinetuningRecipe:
    """One run.

    model: folder of the model to start from. data: files of records, see `record_files`.
    media, media_root: folders of the files that records name, see `MediaFolders`. cache: for files with addresses.
    sampling: of videos whose record does not set it. max_slices, upscale: of images; None is the model's setting.
    parts: the trainable ones of `PARTS`. learning_rate: the peak; None is by size and method. epochs: over the data.
    length: tokens of a row, the limit for a sample. batch_rows: per step; micro_batch_rows: per forward pass.
    held_out: share of the records for validation; it is 0 if there are files for it, `validation`.
    patience: checkpoints without improvement before stopping, 0 never.
    """

    model: Path
    data: tuple[RecordFile, ...]
    method: Method = "lora"
    parts: tuple[str, ...] = ("decoder",)
    media: Media | None = None
    media_root: Path | None = None
    sampling: VideoSampling | None = None
    max_slices: int | None = None
    upscale: bool | None = None
    lora: Lora = field(default_factory=Lora)
    learning_rate: float | None = None
    epochs: float = 3.0
    length: int = 2048
    batch_rows: int = 4
    micro_batch_rows: int = 1
    held_out: float = 0.1
    validation: tuple[RecordFile, ...] = ()
    patience: int = 0
    seed: int = 0
    activation_checkpointing: bool = False
    cache: ObjectCache = DEFAULT_CACHE

    def __post_init__(self) -> None:
        """Raises ValueError on numbers out of bounds, on unknown parts, and if none of the parts takes adapters."""
        sizes = {name: getattr(self, name) for name in ("epochs", "length", "batch_rows", "micro_batch_rows")}
        if self.learning_rate is not None:
            sizes["learning_rate"] = self.learning_rate
        if strange := [f"{name} {value}" for name, value in sizes.items() if not (value > 0 and math.isfinite(value))]:
            raise ValueError(f"must be above 0: {', '.join(strange)}")
        if self.max_slices is not None:
            SLICING["max_slices"].check("max_slices", self.max_slices)
        if not self.data:
            raise ValueError("no training file is given")
        if self.patience < 0:
            raise ValueError(f"patience must be at least 0, got {self.patience}")
        if self.validation and self.held_out:
            raise ValueError(f"a share of {self.held_out} cannot be held out beside files for validation")
        if self.patience and not self.held_out and not self.validation:
            raise ValueError(f"patience {self.patience} requires held-out records, got a share of 0")
        if not self.parts or set(self.parts) - PARTS.keys():
            raise ValueError(
                f"the parts to train must be among {', '.join(PARTS)}, got {', '.join(self.parts) or 'none'}"
            )
        if self.method != "full":
            targets_of(self.parts)

    @property
    def data_named(self) -> str:
        """The data files, as named in messages."""
        more = f" and {len(self.data) - 1} more" if len(self.data) > 1 else ""
        return f"{place_of(self.data[0])}{more}"

    def source(self) -> Source:
        """The records; ValueError if a file is missing."""
        return self._opened("data", self.data)

    def sources(self) -> list[Source]:
        """The records, and those of the files for validation, if any."""
        return [self.source(), *([self.portion(held_out=True)] if self.validation else [])]

    def _opened(self, name: str, files: tuple[RecordFile, ...]) -> Source:
        return open_records(name, files, self.media, self.media_root, self.sampling, self.cache)

    def processor(self) -> Processor:
        """The model's processor, with the recipe's slicing of images."""
        changes = {"max_slices": self.max_slices, "upscale": self.upscale}
        return Processor.load(self.model).sliced(
            **{name: value for name, value in changes.items() if value is not None}
        )

    def portion(self, held_out: bool) -> Source:
        """The records for training or, possibly none, for validation."""
        if held_out and self.validation:
            return self._opened("validation", self.validation)
        return Portion(self.source(), self.held_out, self.seed, held_out)

    def mixture(self, held_out: bool) -> Mixture:
        """The same as a mixture; ValueError if there are none."""
        return Mixture((self.portion(held_out),), (1.0,), (1.0,))

    def peak_learning_rate(self, num_parameters: int) -> float:
        if self.learning_rate is not None:
            return self.learning_rate
        full = next(learning_rate for most, learning_rate in FULL_LEARNING_RATES if num_parameters <= most)
        return full if self.method == "full" else full * ADAPTER_FACTOR

    def num_steps(self, lengths: MeasuredLengths) -> int:
        """The number of steps in which the records are read `epochs` times."""
        return lengths.num_steps(self.epochs, self.batch_rows)

    def stage(self, trainable: tuple[str, ...], num_steps: int, learning_rate: float) -> Stage:
        return Stage(
            name=STAGE,
            trainable=trainable,
            num_steps=num_steps,
            learning_rate=learning_rate,
            warmup=max(1, num_steps // 20),  # ours
            decay_share=1.0,
            min_lr_ratio=0.1,  # paper: 1e-5 to 1e-6
            weight_decay=0.0,  # ours
            max_grad_norm=1.0,  # ours
            save_every=max(1, min(MOST_STEPS_BETWEEN, num_steps // ROUNDS_OF_CHECKPOINTS)),
            decay="cosine",  # paper
            muon=False,  # ours: a model trained with AdamW keeps AdamW
            saves_frozen=False,
        )


def usual_length(config: MiniCPMVConfig) -> int:
    """Tokens of a row if none are asked for: the recipe's, or the model's positions if those are fewer."""
    return min(FinetuningRecipe.length, config.llm.max_position_embeddings)
