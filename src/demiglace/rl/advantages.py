"""From rewards of a group to advantages: how much better an answer is than the others to the same prompt.

GRPO (Shao et al., arXiv 2402.03300) divides by the standard deviation, and so does the paper, which names GRPO. About
half of current implementations do not (Liu et al., arXiv 2503.20783): the division gives most weight to questions that
are nearly always answered correctly, or nearly always wrongly.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

TOLERANCE = 1e-6  # ours: 0.9 is not exact in float32, and rounding errors are no spread
STD_EPS = 1e-6  # released code (RLPR): added to the standard deviation


def has_spread(rewards: Sequence[float | None]) -> bool:
    """Whether the known rewards differ by more than `TOLERANCE`; otherwise the group gives no learning signal."""
    scored = _scored(rewards)
    return bool(scored) and max(scored) - min(scored) > TOLERANCE


def advantages(rewards: Sequence[float | None], by_std: bool = False) -> list[float | None]:
    """Reward minus the group's mean, optionally divided by its standard deviation (of a sample, as in RLPR's code).

    rewards: of one group; None, not scored, is excluded from the mean and gets no advantage. All are 0 without a
    spread. Raises ValueError for a reward that is not finite.
    """
    scored = _scored(rewards)
    if not has_spread(rewards):
        return [None if reward is None else 0.0 for reward in rewards]
    mean = math.fsum(scored) / len(scored)
    scale = statistics.stdev(scored) + STD_EPS if by_std else 1.0
    return [None if reward is None else (reward - mean) / scale for reward in rewards]


def check_finite(name: str, values: Sequence[float]) -> None:
    """ValueError if one of the `values` of a group, called `name`, is not finite."""
    if strange := [value for value in values if not math.isfinite(value)]:
        raise ValueError(f"{len(strange)} of {len(values)} {name} of a group are not finite, such as {strange[0]}")


def _scored(rewards: Sequence[float | None]) -> list[float]:
    scored = [reward for reward in rewards if reward is not None]
    check_finite("rewards", scored)
    return scored
