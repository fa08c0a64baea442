"""Losses of reinforcement learning: pure functions.

Policy gradient losses, and how each averages over tokens:

    grpo      clipped ratio; mean over the tokens of an answer, then over answers      arXiv 2402.03300
    dr_grpo   the same; sum over tokens, divided by answers times the length limit     arXiv 2503.20783
    dapo      the same; mean over all tokens of the batch                              arXiv 2503.14476
    gspo      clipped ratio of whole answers; mean over answers                        arXiv 2507.18071
    cispo     log-probability times the clipped, detached ratio; mean over tokens      arXiv 2506.13585

Preference loss: `dpo_loss`.

Means are over the whole batch, all microbatches and processes: weights do not depend on how the step is split.
Axes: tokens (of all answers of a microbatch, one after another), answers, pairs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class ClipBounds:
    """The ratio of new and old probability is clipped to 1 - low .. 1 + high."""

    low: float = 0.2  # PPO, and all frameworks
    high: float = 0.28  # DAPO; RLPR's code has 0.27

    def __post_init__(self) -> None:
        if not 0 <= self.low <= 1 or self.high < 0:
            raise ValueError(f"clip must be in 0..1 below and at least 0 above, got {self.low} and {self.high}")


@dataclass(frozen=True)
class LearnedTokens:
    """Tokens sampled from the policy.

    log_probs: float (tokens,), under the current policy. old: float (tokens,), before the update; without gradient.
    advantages: float (tokens,), of the token's answer. lengths: tokens of each answer; their sum is `tokens`.
    """

    log_probs: Tensor
    old: Tensor
    advantages: Tensor
    lengths: Sequence[int]


TokenLoss = Callable[[LearnedTokens, ClipBounds], tuple[Tensor, Tensor]]
Average = Literal["tokens", "answers", "limit"]


@dataclass(frozen=True)
class PolicyLoss:
    """tokens: -> losses (tokens,), and bool (tokens,), where clipping limits the gradient. average: over what.
    clip: bounds for ratios of this kind.
    """

    tokens: TokenLoss
    average: Average
    clip: ClipBounds = ClipBounds()

    def weights(self, lengths: Sequence[int]) -> Tensor:
        """float32 (tokens,): weights of the tokens of answers of these lengths, before the division by `total`."""
        per_answer = torch.tensor([1 / length if self.average == "answers" else 1.0 for length in lengths])
        return per_answer.repeat_interleave(torch.tensor(lengths, dtype=torch.int64))

    def total(self, num_answers: float, num_tokens: float, limit: int) -> float:
        """The divisor of the weighted sum of a whole batch. limit: the most tokens of an answer."""
        return max(1.0, {"tokens": num_tokens, "answers": num_answers, "limit": num_answers * limit}[self.average])


def clipped(tokens: LearnedTokens, bounds: ClipBounds) -> tuple[Tensor, Tensor]:
    """PPO's surrogate for each token (Schulman et al., arXiv 1707.06347)."""
    return _surrogate((tokens.log_probs - tokens.old).exp(), tokens.advantages, bounds)


def sequence_clipped(tokens: LearnedTokens, bounds: ClipBounds) -> tuple[Tensor, Tensor]:
    """The same with one ratio per answer: the geometric mean of its tokens' ratios."""
    lengths = torch.tensor(tokens.lengths, device=tokens.old.device)
    answers = torch.arange(len(lengths), device=lengths.device).repeat_interleave(lengths)
    log_ratios = tokens.log_probs - tokens.old
    means = log_ratios.new_zeros(len(lengths)).index_add(0, answers, log_ratios) / lengths
    return _surrogate(means[answers].exp(), tokens.advantages, bounds)


def bounded_weight(tokens: LearnedTokens, bounds: ClipBounds) -> tuple[Tensor, Tensor]:
    """REINFORCE weighted by the ratio, which is clipped from above and detached, so that every token has a gradient."""
    ratio = (tokens.log_probs - tokens.old).exp().detach()
    losses = -ratio.clamp(max=1 + bounds.high) * tokens.advantages * tokens.log_probs
    return losses, ratio > 1 + bounds.high


POLICY_LOSSES: Mapping[str, PolicyLoss] = {
    "grpo": PolicyLoss(clipped, "answers"),
    "dr_grpo": PolicyLoss(clipped, "limit"),
    "dapo": PolicyLoss(clipped, "tokens"),
    "gspo": PolicyLoss(sequence_clipped, "answers", ClipBounds(3e-4, 4e-4)),  # its paper, section 5.1
    "cispo": PolicyLoss(bounded_weight, "tokens"),
}


@dataclass(frozen=True)
class PairLogProbs:
    """Log-probabilities of whole answers in nats, sums over their tokens: float (pairs,) each."""

    chosen: Tensor
    rejected: Tensor


def dpo_loss(policy: PairLogProbs, reference: PairLogProbs, beta: float) -> tuple[Tensor, Tensor]:
    """Direct preference optimisation (Rafailov et al., arXiv 2305.18290, equation 7): losses, margins (pairs,).

    A margin is beta times how much more the policy has raised the chosen answer than the rejected one.
    """
    margins = beta * ((policy.chosen - reference.chosen) - (policy.rejected - reference.rejected))
    return -F.logsigmoid(margins), margins


def policy_loss(name: str) -> PolicyLoss:
    """The loss of this name; ValueError if there is none."""
    if name not in POLICY_LOSSES:
        raise ValueError(f"unknown policy loss {name!r}; choose from {', '.join(POLICY_LOSSES)}")
    return POLICY_LOSSES[name]


def _surrogate(ratio: Tensor, advantages: Tensor, bounds: ClipBounds) -> tuple[Tensor, Tensor]:
    gains, clipped_gains = ratio * advantages, ratio.clamp(1 - bounds.low, 1 + bounds.high) * advantages
    return -torch.minimum(gains, clipped_gains), clipped_gains < gains
