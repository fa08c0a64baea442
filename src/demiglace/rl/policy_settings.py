"""Settings for sampling and policy updates; the defaults follow common practice, each with its source."""

from __future__ import annotations

from dataclasses import dataclass, field

from demiglace.rl.rewards import RewardSettings
from demiglace.rl.rollout import Mode
from demiglace.training.losses import ClipBounds, policy_loss


@dataclass(frozen=True)
class PolicySettings:
    """Settings for a batch of prompts, the answers to each, and the updates.

    batch_prompts, answers: number of prompts in a batch, and of answers to each.
    short_limit, long_limit: the most tokens of an answer, by mode.
    updates: steps that train on a batch, each on a part of its prompts. With 1, the trained policy is the one that
        answered: the probability ratio is 1, and clipping has no effect.
    loss, clip: of `training.losses`; without clip, the bounds of the loss.
    by_std: whether advantages are divided by the standard deviation of their group.
    drops_flat: whether groups whose rewards do not differ are left out of the update and of its mean.
    """

    batch_prompts: int = 128  # paper
    answers: int = 8  # paper
    short_limit: int = 8192  # paper, for both modes
    long_limit: int = 8192  # paper
    updates: int = 1  # TRL, nanochat; the paper is silent
    loss: str = "dapo"  # TRL: all tokens of a batch have equal weight
    clip: ClipBounds | None = None
    by_std: bool = False  # Dr. GRPO, prime-rl, nanochat; the paper's GRPO divides
    drops_flat: bool = True  # DAPO, prime-rl
    rewards: RewardSettings = field(default_factory=RewardSettings)

    def __post_init__(self) -> None:
        """ValueError for numbers out of bounds."""
        policy_loss(self.loss)
        for name in ("batch_prompts", "short_limit", "long_limit", "updates"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.answers < 2:
            raise ValueError(
                f"answers are compared with each other: at least 2 to a prompt are needed, got {self.answers}"
            )
        if self.batch_prompts % self.updates:
            raise ValueError(f"{self.batch_prompts} prompts cannot be dealt out evenly to {self.updates} updates")

    @property
    def clip_bounds(self) -> ClipBounds:
        return self.clip or policy_loss(self.loss).clip

    def limit(self, mode: Mode) -> int:
        return self.long_limit if mode == "long" else self.short_limit
