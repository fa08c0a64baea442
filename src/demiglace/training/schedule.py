"""Learning rates by step: warm-up, stable, decay (paper, section 3)."""

from __future__ import annotations

import math
from typing import Literal

Decay = Literal["linear", "cosine"]


def wsd(
    step: int, num_steps: int, warmup: int, decay_share: float, min_lr_ratio: float, decay: Decay = "linear"
) -> float:
    """Share of the peak learning rate at `step`: linear warm-up, constant, decay to `min_lr_ratio`."""
    decay_steps = max(1, round(num_steps * decay_share))
    rising = (step + 1) / max(1, warmup)
    left = min(1.0, (num_steps - step) / decay_steps)
    falling = min_lr_ratio + (1 - min_lr_ratio) * (left if decay == "linear" else (1 - math.cos(math.pi * left)) / 2)
    return max(0.0, min(1.0, rising, falling))


def decayed(step: int, num_steps: int, decay_share: float) -> float:
    """Progress of the decay at `step`: 0 through the stable part, then rising towards 1 at the end."""
    decay_steps = round(num_steps * decay_share)
    return max(0.0, 1 - (num_steps - step) / decay_steps) if decay_steps else 0.0
