"""What decides how answers are drawn and learned from; the defaults are those of practice, each with its source."""

from __future__ import annotations

from dataclasses import dataclass, field

from demiglace.rl.rewards import RewardSettings
from demiglace.rl.rollout import Mode
from demiglace.training.losses import ClipBounds, policy_loss


@dataclass(frozen=True)
class PolicySettings:
    """A batch of prompts, the answers to each, and what the update makes of them.

    batch_prompts, answers: prompts of a batch, and answers to each.
    short_limit, long_limit: the most tokens of an answer, by mode.
    updates: steps that learn from a batch, each from a part of its prompts. With 1 the policy that learns is the one
        that answered: the ratio of their probabilities is 1, and no clip acts.
    loss, clip: of `training.losses`. by_std: whether advantages are divided by the standard deviation of their group.
    drops_flat: whether groups without a spread of rewards are left out of the update and of its mean.
    """

    batch_prompts: int = 128  # paper
    answers: int = 8  # paper
    short_limit: int = 8192  # paper, of both modes
    long_limit: int = 8192  # paper
    updates: int = 1  # TRL, nanochat; the paper is silent
    loss: str = "dapo"  # TRL: tokens of the whole batch weigh the same
    clip: ClipBounds = field(default_factory=ClipBounds)  # PPO below, DAPO above
    by_std: bool = False  # Dr. GRPO, prime-rl, nanochat; the paper's GRPO divides
    drops_flat: bool = True  # DAPO, prime-rl
    rewards: RewardSettings = field(default_factory=RewardSettings)

    def __post_init__(self) -> None:
        """ValueError where a number cannot be."""
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

    def limit(self, mode: Mode) -> int:
        return self.long_limit if mode == "long" else self.short_limit
