"""Settings of training that affect memory and time; bytes of weights, gradients and optimizer moments."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

import torch
from torch import nn

from demiglace.model.adapters import TARGETS, Lora
from demiglace.model.minicpmv import MiniCPMV, MiniCPMVConfig
from demiglace.training.optim import is_matrix

Method = Literal["full", "lora", "qlora"]
PARTS: Mapping[str, str] = {"encoder": "vpm", "resampler": "resampler", "decoder": "llm"}  # of `MiniCPMV`
NF4_BYTES = 0.53  # per weight, including scales


@dataclass(frozen=True)
class TrainingSetup:
    """method: train all weights of `parts`, or adapters in them. length: tokens of a row.

    batch_rows: of a step, over all processes; micro_batch_rows: in memory at once. dtype: of products.
    reads_reference: whether the initial weights also read every row once before training, as for DPO.
    context: the most tokens that one attends to; 0 stands for those of a row.
    muon: whether Muon optimises the matrices inside blocks in full training of `parts`; otherwise AdamW optimises all.
    """

    method: Method = "lora"
    parts: tuple[str, ...] = ("decoder",)
    lora: Lora = field(default_factory=Lora)
    length: int = 2048
    batch_rows: int = 4
    micro_batch_rows: int = 1
    activation_checkpointing: bool = False
    dtype: str = "float32"
    processes: int = 1
    reads_reference: bool = False
    muon: bool = False
    context: int = 0

    @property
    def width(self) -> int:
        """Bytes of a number in products."""
        return 2 if self.dtype == "bfloat16" else 4

    @property
    def rows_of_a_unit(self) -> int:
        """Rows that stay together: two for a pair."""
        return 2 if self.reads_reference else 1

    @property
    def is_full(self) -> bool:
        return self.method == "full"

    @property
    def accumulates(self) -> bool:
        """Whether gradients are accumulated over several microbatches."""
        return self.batch_rows > self.micro_batch_rows * self.processes


@dataclass(frozen=True)
class HeldBytes:
    """Bytes of one process. moments: AdamW's two and Muon's one, in float32, like gradients."""

    weights: float
    gradients: float
    moments: float

    @property
    def total(self) -> float:
        return self.weights + self.gradients + self.moments


def held_bytes(setup: TrainingSetup, config: MiniCPMVConfig) -> HeldBytes:
    """Bytes, sharded over the processes; a layer is gathered while it runs, weights outside of layers always."""
    sizes = part_sizes(config)
    learned = learned_weights(setup, config)
    weights = frozen_bytes(setup, sizes) + 4 * (learned if not setup.is_full else 0)
    if setup.is_full and setup.dtype == "bfloat16":
        weights += 2 * learned  # copies that autocast makes for the products
    share = 1 / setup.processes
    whole = gathered_bytes(config) if setup.processes > 1 else 0.0
    moments = 2 * learned - (layer_matrices(setup, config) if setup.muon else 0)
    return HeldBytes(weights * share + whole, 4 * learned * share, 4 * moments * share)


def frozen_bytes(setup: TrainingSetup, sizes: Mapping[str, int]) -> float:
    """The model's own weights: float32 in full training; with adapters, the dtype of products or four bits."""
    if setup.is_full:
        return 4.0 * sum(sizes.values())
    if setup.method == "lora":
        return float(setup.width * sum(sizes.values()))
    return NF4_BYTES * (sizes["decoder"] + sizes["encoder"]) + setup.width * sizes["resampler"]


def gathered_bytes(config: MiniCPMVConfig) -> float:
    """In float32: two layers of the decoder, one running and one being prefetched, and weights outside of layers."""
    model = on_meta(config)
    layers = [sum(value.numel() for value in layer.parameters()) for layer in model.llm.model.layers]
    return 4.0 * (2 * max(layers) + sum(part_sizes(config).values()) - sum(layers))


def learned_weights(setup: TrainingSetup, config: MiniCPMVConfig) -> int:
    """Parameters with gradients; with adapters, a listed resampler is trained in full."""
    sizes = part_sizes(config)
    if setup.is_full:
        return sum(sizes[part] for part in setup.parts)
    whole = sizes["resampler"] if "resampler" in setup.parts else 0
    return adapter_weights(setup, config) + whole


def layer_matrices(setup: TrainingSetup, config: MiniCPMVConfig) -> int:
    """Parameters in matrices inside blocks of the fully trained parts."""
    assert setup.is_full
    learned = tuple(f"{PARTS[part]}." for part in setup.parts)
    named = on_meta(config).named_parameters()
    return sum(value.numel() for name, value in named if name.startswith(learned) and is_matrix(name, value))


def adapter_weights(setup: TrainingSetup, config: MiniCPMVConfig) -> int:
    """Parameters of the adapters: rank times the sum of both sides of every adapted matrix."""
    patterns = [re.compile(TARGETS[part]) for part in setup.parts if part in TARGETS]
    sides = [
        sum(module.weight.shape)
        for name, module in on_meta(config).named_modules()
        if isinstance(module, nn.Linear) and any(pattern.fullmatch(name) for pattern in patterns)
    ]
    return setup.lora.rank * sum(sides)


def part_sizes(config: MiniCPMVConfig) -> dict[str, int]:
    """Parameters by part."""
    model = on_meta(config)
    return {part: sum(value.numel() for value in getattr(model, name).parameters()) for part, name in PARTS.items()}


@lru_cache(maxsize=4)
def on_meta(config: MiniCPMVConfig) -> MiniCPMV:
    """The model on the meta device: shapes without data."""
    with torch.device("meta"):
        return MiniCPMV(config)
