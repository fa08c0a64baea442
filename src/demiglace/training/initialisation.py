"""Initialisation of random weights."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Protocol

import torch
from torch import Tensor, nn

from demiglace.model.minicpmv import MiniCPMV, MiniCPMVConfig

ENDS_OF_BRANCHES = ("out_proj.weight", "fc2.weight", "o_proj.weight", "down_proj.weight")


class HoldsModel(Protocol):
    """A module whose `model` is all that is exported; its other parts are for training only."""

    @property
    def model(self) -> MiniCPMV: ...
    def named_parameters(self) -> Iterator[tuple[str, nn.Parameter]]: ...


@torch.no_grad()
def initialise(learner: HoldsModel, seed: int, except_for: tuple[str, ...] = ()) -> None:
    """Draw random weights for a model (ours).

    Matrices are normal with std 1/sqrt(inputs), divided by sqrt(2 * layers) at the ends of residual branches.
    Embeddings have std 0.02, visual tokens a similar size. The encoder's query and key projections start equal, and its
    position embedding as sines of the fractional position, so that a patch first attends to its neighbours: otherwise a
    small vision transformer spends its first hours learning which patches are near.
    Weights whose names begin with one of `except_for` are not changed.
    """
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in learner.named_parameters():
        if not name.startswith(except_for):
            _draw(name, parameter, generator)
    weights = dict(learner.model.named_parameters())
    for name, weight in weights.items():
        if name.startswith("vpm.") and name.endswith("k_proj.weight"):
            weight.copy_(weights[name.replace("k_proj", "q_proj")])
        for part, num_layers in num_layers_of(learner.model.config).items():
            if name.startswith(part) and name.endswith(ENDS_OF_BRANCHES):
                weight.div_(math.sqrt(2 * num_layers))
    weights["resampler.proj"].mul_(0.2)
    positions = weights["vpm.embeddings.position_embedding.weight"]
    positions.copy_(fractional_sines(math.isqrt(positions.shape[0]), positions.shape[1]))


def num_layers_of(config: MiniCPMVConfig) -> dict[str, int]:
    return {"vpm.": config.vision.num_layers, "llm.": config.llm.num_layers}


def _draw(name: str, parameter: nn.Parameter, generator: torch.Generator) -> None:
    if parameter.ndim < 2:
        if name.endswith("bias"):
            parameter.zero_()
        elif "norm" in name or ".ln_" in name:
            parameter.fill_(1.0)
        return
    embedding = name.endswith(("embed_tokens.weight", "position_embedding.weight"))
    std = 0.02 if embedding else 1 / math.sqrt(parameter[0].numel())
    parameter.normal_(0.0, std, generator=generator)


def fractional_sines(side: int, hidden_size: int) -> Tensor:
    """(side * side, hidden): sines and cosines of row and column, with wavelengths from 3 places to twice the side."""
    waves = torch.logspace(math.log10(3.0), math.log10(2.0 * side), hidden_size // 4)
    angles = 2 * math.pi * torch.arange(side)[:, None] / waves
    axis = torch.cat([angles.sin(), angles.cos()], dim=-1)  # (side, hidden / 2)
    rows = axis[:, None, :].expand(side, side, -1)
    columns = axis[None, :, :].expand(side, side, -1)
    return torch.cat([rows, columns], dim=-1).flatten(0, 1) * 0.5
