"""Direct preference optimisation as an objective of the training loop (paper, section on RLAIF-V; arXiv 2305.18290).

The pairs of a step are a function of the step; their log-probabilities under the reference policy are computed before
(`training.reference_log_probs`). The loss is the mean over the pairs of a step, all microbatches and processes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Protocol, Self

import numpy as np
import torch
from torch import Tensor

from demiglace.training.distributed import ProcessGroup
from demiglace.training.losses import PairLogProbs, dpo_loss
from demiglace.training.objective import MicrobatchedObjective, UnreadFigures


class AnswerBatch(Protocol):
    """Prompts and answers to them, such as `rl.rollout_batch.RolloutBatch`. lengths: tokens of each answer."""

    @property
    def lengths(self) -> Sequence[int]: ...
    @property
    def answers(self) -> Tensor: ...
    def to(self, device: torch.device) -> Self: ...


Learner = Callable[[Any], tuple[Tensor, Tensor]]  # AnswerBatch -> log-probabilities (tokens,) of all answers, entropy


class PairSource(Protocol):
    """Pairs by number from 0."""

    def batch(self, numbers: Sequence[int]) -> AnswerBatch:
        """For each pair, the chosen answer and then the rejected one; ValueError if one cannot be read."""


@dataclass
class PreferenceObjective(MicrobatchedObjective):
    """Processes the `batch_pairs` of a step; a microbatch is of pairs.

    numbers: the usable pairs. reference: log-probabilities under the reference policy, in the order of `numbers`.
    beta: penalty for leaving the reference policy (DPO).
    nll_weight: weight of the mean negative log-probability of a chosen answer's tokens, added to its pair's loss (RPO,
        arXiv 2404.19733); 0 is DPO, which may make both answers less likely.
    """

    pairs: PairSource
    numbers: Sequence[int]
    reference: PairLogProbs
    beta: float
    batch_pairs: int
    seed: int
    ranks: ProcessGroup
    nll_weight: float = 0.0
    batch: AnswerBatch | None = field(default=None, init=False)  # the last microbatch

    def __call__(self, learner: Learner, step: int) -> Iterator[tuple[Tensor, UnreadFigures]]:
        share = self.ranks.share(self.batch_pairs)
        own = self._places(step)[share.start : share.stop]
        for start in range(0, len(own), self.micro_batch_size):
            yield self._loss(learner, own[start : start + self.micro_batch_size])

    def state(self) -> dict[str, Any]:
        """Empty: the step determines its pairs."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Does nothing."""

    def seen(self) -> dict[str, Tensor]:
        """Tokens of the answers of the last microbatch."""
        return {} if self.batch is None else {"answers": self.batch.answers}

    def _places(self, step: int) -> list[int]:
        """Places of a step's pairs in `numbers`; each pair comes once an epoch, without end."""
        count = len(self.numbers)
        drawn = (divmod(number, count) for number in range(step * self.batch_pairs, (step + 1) * self.batch_pairs))
        return [int(_order(self.seed, epoch, count)[place]) for epoch, place in drawn]

    def _loss(self, learner: Learner, places: list[int]) -> tuple[Tensor, UnreadFigures]:
        self.batch = self.pairs.batch([self.numbers[place] for place in places])
        with self.autocast():
            policy = pair_log_probs(learner, self.batch.to(self.device))
        reference = PairLogProbs(
            self.reference.chosen[places].to(self.device), self.reference.rejected[places].to(self.device)
        )
        losses, margins = dpo_loss(policy, reference, self.beta)
        if self.nll_weight:
            losses = losses - self.nll_weight * policy.chosen / policy.chosen.new_tensor(self.batch.lengths[0::2])
        figures = {
            "margin": margins.detach(),
            "pair_accuracy": (margins > 0).float(),
            "chosen_log_prob": policy.chosen.detach(),
            "rejected_log_prob": policy.rejected.detach(),
        }
        means = {name: value.sum() / self.batch_pairs for name, value in figures.items()}
        return losses.sum() / self.batch_pairs, means


def pair_log_probs(learner: Learner, batch: AnswerBatch) -> PairLogProbs:
    """Log-probabilities of the pairs in `batch`, which has the chosen answer of each pair first."""
    log_probs, _ = learner(batch)
    lengths = torch.tensor(batch.lengths, device=log_probs.device)
    owners = torch.arange(len(lengths), device=lengths.device).repeat_interleave(lengths)
    sums = log_probs.new_zeros(len(lengths)).index_add(0, owners, log_probs)
    return PairLogProbs(sums[0::2], sums[1::2])


@lru_cache(maxsize=4)
def _order(seed: int, epoch: int, count: int) -> np.ndarray:
    return np.random.default_rng((seed, epoch)).permutation(count)
