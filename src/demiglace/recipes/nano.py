"""Hyperparameters of the nano recipe: from random weights to a model that reads lines of text, on two CPU cores."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from demiglace.bootstrap.learner import SLOTS_PER_TOKEN
from demiglace.bootstrap.picture_shards import ShardSpec
from demiglace.model.minicpmv import MiniCPMVConfig
from demiglace.model.presets import preset
from demiglace.training.stage import Stage
from demiglace.typography.style_samples import USUAL_GAPS, WordGaps

NANO_STAGES = ("encoder", "decoder", "resampler", "vision", "full", "decay", "colours", "shapes")
USUAL_STAGES = NANO_STAGES[: NANO_STAGES.index("shapes")]  # `shapes` is opt-in: see experiments/seeing


@dataclass(frozen=True)
class NanoRecipe:
    """Hyperparameters of a run. All are ours except the order of the stages and the shape of the schedules (paper)."""

    seed: int = 0
    scale_resolution: int = 140  # pixels; the release has 448, which takes 10 times as many patches for a line
    max_lines: int = 2  # lines in a picture
    max_characters: int = 80  # letters in 64 visual tokens; see the curve in docs/nano.md
    batch_size: int = 48
    shard_size: int = 1536
    encoder_steps: int = 700
    decoder_steps: int = 300
    resampler_steps: int = 50
    vision_steps: int = 20
    full_steps: int = 360
    decay_steps: int = 130
    colours_steps: int = 150
    shapes_steps: int = 300
    late_learning_rate: float = 1.5e-3  # of the stages from `full` on
    letter_place_weight: float = 0.3  # in the stages from `full` on; see docs/nano.md
    fonts: Path | None = None  # folder of font files; half of the rendered lines use them
    gaps: WordGaps = USUAL_GAPS  # between the words of rendered lines
    documents: Path | None = None  # folder of PDFs; windows of their pages are used in the stages from `decay` on
    document_share: float = 0.25  # of those stages' pictures, if there are documents
    layout_share: float = 0.25  # of their pictures: windows of rendered articles, tables, forms, receipts
    stack_share: float = 0.0  # of their pictures: short lines one below the other
    damaged_share: float = 0.35  # of their pictures: words are corrupted by levels
    atlas: Path | None = None  # file of glyphs; lines are composed from it as tensors, the rest is drawn one by one
    lines_to_a_window: int = 8  # composed lines per page window in the last stages
    save_every: int = 100  # steps
    start: Path | None = None  # a model of this recipe to continue from, its heads beside it; None is random weights
    only: tuple[str, ...] = USUAL_STAGES  # the stages to run

    def __post_init__(self) -> None:
        if strange := [name for name in self.only if name not in NANO_STAGES]:
            raise ValueError(f"unknown stage {strange[0]!r}; choose from {', '.join(NANO_STAGES)}")
        if self.start is None and self.only != NANO_STAGES[: len(self.only)]:
            raise ValueError(
                f"{', '.join(self.only)} need a model to start from; without one, training begins with {NANO_STAGES[0]}"
            )

    @property
    def config(self) -> MiniCPMVConfig:
        return preset("nano")

    def spec(self, offset: int) -> ShardSpec:
        """Pictures of one stage; `offset` makes the stages' pictures different."""
        return ShardSpec(
            seed=self.seed * 1000 + offset,
            size=self.shard_size,
            max_lines=self.max_lines,
            max_characters=self.max_characters,
            scale_resolution=self.scale_resolution,
            patch_size=self.config.vision.patch_size,
            num_places=self.config.resampler.num_queries,
            num_frames=self.config.resampler.num_queries * SLOTS_PER_TOKEN,
            fonts=self.fonts,
            gaps=self.gaps,
        )

    def late_spec(self, offset: int) -> ShardSpec:
        """Pictures of the stages from `decay` on: with dynamic corruption (paper, section 2.2) and any real pages."""
        shares = {name: getattr(self, name) for name in ("layout_share", "stack_share", "damaged_share")}
        late = replace(self.spec(offset), **shares)
        if self.documents is None:
            return late
        return replace(late, documents=self.documents, document_share=self.document_share)

    def stage(
        self, name: str, trainable: tuple[str, ...], num_steps: int, learning_rate: float, decay_share: float = 0.0
    ) -> Stage:
        return Stage(
            name=name,
            trainable=trainable,
            num_steps=num_steps,
            learning_rate=learning_rate,  # ours; the paper's 5e-5 is for 8.7B parameters
            warmup=min(60, num_steps // 5),
            decay_share=decay_share,
            min_lr_ratio=0.05,  # ours; the paper's 5e-5 to 1e-5 is 0.2
            weight_decay=0.05,
            max_grad_norm=1.0,
            save_every=self.save_every,
            log_every=10,
        )


def continued(start: Path, seed: int, documents: Path | None) -> NanoRecipe:
    """The last stages again and longer, from a finished model, on pictures of another seed.

    Texts are shorter than before, because pages are read in pieces of half that length. Most steps are in `decay`.
    """
    late = NanoRecipe(seed=seed, start=start, documents=documents, max_characters=56, late_learning_rate=1.2e-3)
    return replace(late, full_steps=300, decay_steps=800, only=USUAL_STAGES[USUAL_STAGES.index("full") :])


def quick(recipe: NanoRecipe) -> NanoRecipe:
    """The same run with few steps and few pictures: a smoke test of the whole path."""
    few = replace(recipe, batch_size=4, shard_size=16, encoder_steps=2, decoder_steps=2)
    return replace(few, resampler_steps=2, vision_steps=2, full_steps=2, decay_steps=2, colours_steps=2, shapes_steps=2)
