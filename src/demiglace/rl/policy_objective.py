"""Hybrid GRPO as an objective of the training loop: sample, score, learn (paper, section 5).

A step draws prompts, half of them for long answers, samples several answers to each, and trains on their advantages
within the group. There is no KL penalty towards a reference policy and no entropy bonus (paper). Prompts and the seeds
of answers are functions of the step; answers are on the disk before training on them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor

from demiglace.processing.sample import Sample
from demiglace.rl.batch_figures import WARNING_SHARE, can_teach
from demiglace.rl.rollout import Rollout
from demiglace.rl.rollout_batch import PolicyLearner, RolloutBatch
from demiglace.rl.rollout_collector import RolloutCollector, RolloutGroups
from demiglace.rl.rollout_log import ScoredGroup
from demiglace.training.losses import LearnedTokens, policy_loss
from demiglace.training.metrics import Figures
from demiglace.training.objective import MicrobatchedObjective, UnreadFigures

ONE_UPDATE = "each batch is learned from once: the ratio of new to old probability is 1, and no clip acts"


@dataclass(frozen=True)
class PolicyPart:
    """A microbatch of answers. sampled, old: float32 (tokens,), log-probabilities from the sampler and from the
    learner, the latter None if there is only one update; advantages: float32 (tokens,)."""

    batch: RolloutBatch
    sampled: Tensor
    old: Tensor | None
    advantages: Tensor


@dataclass
class PolicyObjective(MicrobatchedObjective):
    """A microbatch is of prompts, each with its answers. log: called with messages for the user."""

    collector: RolloutCollector
    log: Callable[[str], None] = lambda message: None
    groups: RolloutGroups | None = field(default=None, init=False)  # the current batch
    part: PolicyPart | None = field(default=None, init=False)  # the last one

    def __call__(self, learner: PolicyLearner, step: int) -> Iterator[tuple[Tensor, UnreadFigures]]:
        figures = self._collect(learner, step)
        began, seconds = time.perf_counter(), torch.zeros(())
        for loss, own in self._losses(learner, self._trained_groups(step)):
            yield loss, {**own, **figures, **({"learning_s": seconds} if figures else {})}
            figures = {}
        # The backward passes are done only now; the tensor is read after the whole step.
        seconds.fill_((time.perf_counter() - began) / self.collector.ranks.count)

    def state(self) -> dict[str, Any]:
        """Empty: the step determines the prompts, and the log has the answers of the current batch."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.groups = None

    def seen(self) -> dict[str, Tensor]:
        """Tokens of the last part, with the numbers that its loss was computed from."""
        if self.part is None:
            return {}
        batch = self.part.batch
        found = {"prompts": batch.prompts.tokens, "answers": batch.answers, "owners": batch.owners}
        return found | {"advantages": self.part.advantages, "sampled_log_probs": self.part.sampled}

    def _collect(self, learner: PolicyLearner, step: int) -> UnreadFigures:
        """Make sure the batch of a step is there; returns its figures at the first update."""
        updates, count = self.collector.settings.updates, self.collector.ranks.count
        number, update = divmod(step, updates)
        if self.groups is None and updates == 1:
            self.log(ONE_UPDATE)
        if self.groups is None or self.groups.number != number:
            weights = ((name, value) for name, value in learner.model.named_parameters() if value.requires_grad)
            log_probs = partial(self._log_probs_by_answer, learner)
            self.groups = self.collector.collect(number, weights, log_probs, may_draw=update == 0)
            self._warn(step, self.groups.figures)
        figures = self.groups.figures if update == 0 else {}
        return {name: value / count for name, value in figures.items()}  # they are summed over the processes

    def _warn(self, step: int, figures: Figures) -> None:
        if figures["trainable_groups"] <= WARNING_SHARE * figures["groups"]:
            share = f"{figures['trainable_groups']:.0f} of {figures['groups']:.0f}"
            self.log(f"step {step + 1}: {share} groups can teach; prompts that are sometimes right teach more")

    def _log_probs_by_answer(self, learner: PolicyLearner, batch: RolloutBatch) -> list[list[float]]:
        with self.autocast():
            return learner.log_probs_by_answer(batch, self.collector.generator.encode)

    def _trained_groups(self, step: int) -> list[tuple[Sample, ScoredGroup]]:
        """The groups that a step trains on, with their prompts; sorted by length of answers, so that microbatches need
        little padding. The prompts of each mode are dealt out to the steps of their batch in turn, so that each step
        learns from both; by their numbers, so that the result does not depend on the number of processes."""
        assert self.groups is not None
        settings = self.collector.settings
        number, update = divmod(step, settings.updates)
        size = settings.batch_prompts
        wanted = set(self.collector.prompts.by_mode(number * size, size)[update :: settings.updates])
        pairs = zip(self.groups.samples, self.groups.scored, strict=True)
        own = [pair for pair in pairs if pair[1].group.prompt_id in wanted]
        scored = [pair for pair in own if any(advantage is not None for advantage in pair[1].advantages)]
        kept = [pair for pair in scored if can_teach(pair[1])] if settings.drops_flat else scored
        return sorted(kept, key=lambda pair: max(len(rollout.tokens) for rollout in pair[1].group.rollouts))

    def _losses(
        self, learner: PolicyLearner, learned: Sequence[tuple[Sample, ScoredGroup]]
    ) -> Iterator[tuple[Tensor, UnreadFigures]]:
        """Losses of all parts. All processes run equally many: one with fewer repeats a group with weight 0."""
        assert self.groups is not None
        ranks, size = self.collector.ranks, self.micro_batch_size
        parts = [learned[at : at + size] for at in range(0, len(learned), size)]
        answers = [rollout for _, scored in learned for rollout, _ in _scored_answers(scored)]
        num_answers, num_tokens = ranks.sum([len(answers), sum(len(rollout.tokens) for rollout in answers)])
        for place in range(max(1, ranks.largest(len(parts)))):
            is_counted = place < len(parts)
            self.part = self._part(parts[place] if is_counted else [self.groups.blank])
            yield self._loss(learner, self.part, num_answers, num_tokens, float(is_counted))

    def _loss(
        self, learner: PolicyLearner, part: PolicyPart, num_answers: float, num_tokens: float, share: float
    ) -> tuple[Tensor, UnreadFigures]:
        settings, encode = self.collector.settings, self.collector.generator.encode
        with self.autocast():
            log_probs, entropy = learner(part.batch.to(self.device), encode)
        old = log_probs.detach() if part.old is None else part.old.to(self.device)
        loss, lengths = policy_loss(settings.loss), part.batch.lengths
        tokens = LearnedTokens(log_probs, old, part.advantages.to(self.device), lengths)
        losses, is_clipped = loss.tokens(tokens, settings.clip_bounds)
        total = loss.total(num_answers, num_tokens, max(settings.short_limit, settings.long_limit))
        figures: dict[str, float | Tensor] = {"learned_tokens": share * len(log_probs)}
        gaps = (part.sampled.to(self.device) - old).abs()
        if num_tokens:
            figures["entropy"] = share * entropy.sum() / num_tokens
            figures["log_prob_gap"] = share * gaps.sum() / num_tokens
        else:  # nothing to train on: of the one group that each process computes nevertheless
            figures["log_prob_gap"] = gaps.mean() / self.collector.ranks.count
        if num_tokens and settings.updates > 1:
            figures["clip_share"] = share * is_clipped.sum() / num_tokens
        return share * (losses @ loss.weights(lengths).to(self.device)) / total, figures

    def _part(self, groups: Sequence[tuple[Sample, ScoredGroup]]) -> PolicyPart:
        answers = [_scored_answers(scored) or [(one, 0.0) for one in scored.group.rollouts] for _, scored in groups]
        tokens = [[rollout.tokens for rollout, _ in own] for own in answers]
        batch = RolloutBatch.of(self.collector.generator.processor, [sample for sample, _ in groups], tokens)
        rollouts = [rollout for own in answers for rollout, _ in own]
        advantages = torch.tensor([advantage for own in answers for _, advantage in own])
        old = [log_prob for rollout in rollouts for log_prob in rollout.old_log_probs or ()]
        return PolicyPart(
            batch,
            torch.tensor([log_prob for rollout in rollouts for log_prob in rollout.log_probs]),
            torch.tensor(old) if old else None,
            advantages.repeat_interleave(torch.tensor(batch.lengths)),
        )


def _scored_answers(scored: ScoredGroup) -> list[tuple[Rollout, float]]:
    """Answers that can be trained on, with their advantages."""
    pairs = zip(scored.group.rollouts, scored.advantages, strict=True)
    return [(rollout, advantage) for rollout, advantage in pairs if advantage is not None]
