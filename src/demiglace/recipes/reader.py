"""Hyperparameters of the nano recipe on a GPU: from random weights to a line reader in a given time.

The stages are the nano recipe's up to `decay`; their steps follow from the time (`jobs.time_plan`). All numbers are
ours.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from demiglace.model.minicpmv import MiniCPMVConfig
from demiglace.model.presets import preset
from demiglace.recipes.nano import NANO_STAGES, NanoRecipe, quick

READER_SHARES = {  # of the time; about as in the nano recipe, but more for the decoder, which learns letters only there
    "encoder": 0.25,
    "decoder": 0.08,
    "resampler": 0.04,
    "vision": 0.05,
    "full": 0.33,
    "decay": 0.25,
}


@dataclass(frozen=True)
class ReaderRecipe(NanoRecipe):
    """The nano recipe for a GPU: more pixels, more letters, larger batches, and optionally a larger model."""

    size_of_model: str = "nano"
    scale_resolution: int = 196  # pixels: 1.8 patches a letter in a line of 30 letters
    batch_size: int = 512
    shard_size: int = 1536
    only: tuple[str, ...] = NANO_STAGES[: NANO_STAGES.index("colours")]

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.size_of_model not in SIZES:
            raise ValueError(f"unknown reader size {self.size_of_model!r}; choose from {', '.join(SIZES)}")

    @property
    def config(self) -> MiniCPMVConfig:
        return SIZES[self.size_of_model]()


def tiny_reader() -> ReaderRecipe:
    """The same with a tiny model, a few steps and few small pictures; every step is saved."""
    recipe = quick(ReaderRecipe(size_of_model="tiny", scale_resolution=112))
    assert isinstance(recipe, ReaderRecipe)
    return replace(recipe, shard_size=recipe.batch_size, save_every=1)


def of_width(width: int, vision_layers: int, llm_layers: int) -> MiniCPMVConfig:
    """The nano model with another width and depth; the head size stays the same."""
    nano = preset("nano")
    heads = width // 64
    vision = replace(
        nano.vision, hidden_size=width, intermediate_size=4 * width, num_layers=vision_layers, num_heads=heads
    )
    resampler = replace(nano.resampler, hidden_size=width, feature_size=width, num_heads=width // 32)
    llm = replace(
        nano.llm, hidden_size=width, intermediate_size=3 * width, num_layers=llm_layers, num_heads=heads,
        num_kv_heads=min(heads, nano.llm.num_kv_heads),
    )  # fmt: skip
    return MiniCPMVConfig(vision, resampler, llm)


SIZES: dict[str, Callable[[], MiniCPMVConfig]] = {
    "nano": partial(preset, "nano"),
    "25m": partial(of_width, 384, 8, 5),  # 26.1 million parameters
    "tiny": partial(of_width, 64, 2, 2),  # for tests
}
