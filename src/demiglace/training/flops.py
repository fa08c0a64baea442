"""Floating-point operations of a training step, by formula, and the peak of the machine.

A multiplication and an addition are two. Forward costs 2 per weight and token. Backward costs 2 for the gradient of the
input, if anything before is trained, and 2 for that of the weights, if they are trained: 6 in all if everything is.
Attention adds 4 per unit of width and pair of a token and one that it sees. Recomputation by activation checkpointing
and masked pairs are not counted.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch
from torch import Tensor

from demiglace.batch import IGNORE, PADDING, Batch, Visual
from demiglace.model.minicpmv import MiniCPMVConfig

MEASURED_SECONDS = 0.5
SIDES = {"cpu": 1024, "cuda": 8192}  # of the matrices multiplied


@dataclass(frozen=True)
class Learning:
    """Which parts of the model are trainable, at least some of their layers."""

    vision: bool
    resampler: bool
    llm: bool

    @classmethod
    def of(cls, beginnings: tuple[str, ...]) -> Learning:
        """From prefixes of the names of trainable parameters, as in `Stage.trainable`."""
        parts = ("model.vpm.", "model.resampler.", "model.llm.")
        return cls(*(any(one.startswith(part) or part.startswith(one) for one in beginnings) for part in parts))

    def factors(self) -> tuple[int, int, int]:
        """Cost of forward and backward of the three parts, in multiples of forward."""
        before_llm = self.vision or self.resampler
        return (
            3 if self.vision else 1,
            1 + int(self.vision) + int(self.resampler),
            1 + int(before_llm or self.llm) + int(self.llm),
        )


def model_flops(config: MiniCPMVConfig, batch: Batch, learning: Learning) -> float:
    """Operations of forward and backward on one batch."""
    parts = (vision_flops(config, batch), resampler_flops(config, batch), llm_flops(config, batch))
    return sum(factor * cost for factor, cost in zip(learning.factors(), parts, strict=True))


def vision_flops(config: MiniCPMVConfig, batch: Batch) -> float:
    """Operations of the encoder's forward pass."""
    return 0.0 if batch.visual is None else picture_flops(config, batch.visual)


def picture_flops(config: MiniCPMVConfig, visual: Visual) -> float:
    """Operations of the encoder's forward pass: every patch attends to its whole picture."""
    vision, lengths = config.vision, visual.grids.prod(dim=1)
    places = torch.repeat_interleave(lengths, lengths)  # for each patch, those of its picture
    places = (places if visual.kept is None else places[visual.kept]).double()
    layer = 4 * vision.hidden_size**2 + 2 * vision.hidden_size * vision.intermediate_size
    num_weights = vision.num_layers * layer + 3 * vision.patch_size**2 * vision.hidden_size
    pairs = float(places.sum())
    return 2 * num_weights * len(places) + 4 * vision.num_layers * vision.hidden_size * pairs


def resampler_flops(config: MiniCPMVConfig, batch: Batch) -> float:
    """Operations of the resampler's forward pass: keys and values per patch, the rest per visual token."""
    if batch.visual is None:
        return 0.0
    hidden, patches = config.resampler.hidden_size, batch.visual.patches.shape[0]
    per_patch = config.resampler.feature_size * hidden + 2 * hidden**2
    pairs = patches * config.resampler.num_queries
    return 2 * per_patch * patches + 2 * 2 * hidden**2 * batch.visual_places.numel() + 4 * hidden * pairs


def llm_flops(config: MiniCPMVConfig, batch: Batch) -> float:
    """Operations of the decoder's forward pass: causal attention within samples, and logits only at labels."""
    llm, lengths = config.llm, sample_lengths(batch.segments).double()
    heads_size, kv_size = llm.num_heads * llm.head_dim, llm.num_kv_heads * llm.head_dim
    layer = llm.hidden_size * (2 * heads_size + 2 * kv_size + 3 * llm.intermediate_size)
    learned = 0 if batch.labels is None else int((batch.labels[:, 1:] != IGNORE).sum())
    pairs = float((lengths * (lengths + 1)).sum()) / 2
    linear = layer * llm.num_layers * float(lengths.sum()) + llm.hidden_size * llm.vocab_size * learned
    return 2 * linear + 4 * llm.num_layers * heads_size * pairs


def sample_lengths(segments: Tensor) -> Tensor:
    """(rows, length) -> int64 (samples,): tokens of each sample of a packed batch."""
    most = int(segments.max()) + 1
    numbered = segments + torch.arange(segments.shape[0], device=segments.device).unsqueeze(1) * most
    counts = torch.bincount(numbered[segments != PADDING])
    return counts[counts > 0]


def measure_peak(device: torch.device, dtype: torch.dtype) -> float:
    """Operations a second of the fastest of the square matrix products that fit into half a second."""
    side = SIDES.get(device.type, 1024)
    left, right = torch.ones(2, side, side, device=device, dtype=dtype)
    end, best = time.perf_counter() + MEASURED_SECONDS, float("inf")
    while best == float("inf") or time.perf_counter() < end:
        began = time.perf_counter()
        float((left @ right)[0, 0])  # waits for the device
        best = min(best, time.perf_counter() - began)
    return 2 * side**3 / best
