"""Collects batches of rollouts: prompts are answered, scored and logged."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property

from torch import nn

from demiglace.conversation import Conversation
from demiglace.processing.sample import Sample
from demiglace.records.bad_record import BadRecord
from demiglace.rl.advantages import advantages
from demiglace.rl.batch_figures import batch_figures
from demiglace.rl.generator import AnswerRequest, Completion, EngineGenerator
from demiglace.rl.policy_settings import PolicySettings
from demiglace.rl.prompt_batches import PromptBatches, PromptReader
from demiglace.rl.prompts import Prompt, Prompts
from demiglace.rl.reference_scorer import ReferenceScorer
from demiglace.rl.rewards import RewardModel, accuracy_by_rule, group_rewards
from demiglace.rl.rollout import Group, Rollout
from demiglace.rl.rollout_batch import RolloutBatch
from demiglace.rl.rollout_log import RolloutLog, ScoredGroup
from demiglace.scoring.question import Question
from demiglace.training.distributed import ALONE, ProcessGroup
from demiglace.training.metrics import Figures
from demiglace.training.objective import CannotBegin

Weights = Iterable[tuple[str, nn.Parameter]]
LogProbs = Callable[[RolloutBatch], list[list[float]]]  # for the tokens of each answer


@dataclass(frozen=True)
class RolloutGroups:
    """This process's part of a batch. samples: of the prompts, in the order of `scored`; figures: of all processes.

    blank: what to compute with weight 0 while other processes have more prompts.
    """

    number: int
    samples: list[Sample]
    scored: list[ScoredGroup]
    figures: Figures
    blank: tuple[Sample, ScoredGroup]


@dataclass
class RolloutCollector:
    """Answers and scores batches of prompts. on_bad, num_workers: see `PromptBatches`."""

    prompts: Prompts
    generator: EngineGenerator
    settings: PolicySettings
    rollouts: RolloutLog
    on_bad: Callable[[BadRecord], None]
    ranks: ProcessGroup = ALONE
    reward_model: RewardModel | None = None
    num_workers: int = 0

    def __post_init__(self) -> None:
        self.scorer = ReferenceScorer(self.generator)
        positions, size = self.generator.model.config.llm.max_position_embeddings, self.settings.batch_prompts
        reader = PromptReader(self.prompts, self.generator.processor, positions - 1)
        self.batches = PromptBatches(reader, size, self.ranks.share(size), self.on_bad, self.num_workers)

    def collect(self, number: int, weights: Weights, learner: LogProbs, may_draw: bool = True) -> RolloutGroups:
        """Batch `number`, answered with these weights, or taken from the log of an earlier run.

        learner: computes the log-probabilities for the ratio of several updates; the generator's weights may be
        rounded.
        Raises CannotBegin, in all processes, if a prompt is bad (see `on_bad`) or no process has one that can be used,
        if answers cannot be generated or scored, or if they are missing but `may_draw` is False because the policy was
        already updated on this batch.
        """
        clock = _Clock()
        version = number * self.settings.updates
        self.generator.load(weights, version)
        with self._stopped_together():
            asked, samples = self.batches.batch(number)
        if not self.ranks.sum([len(asked)])[0]:
            raise CannotBegin(f"none of the {self.settings.batch_prompts} prompts of batch {number} can be used")
        clock.split("prompts_s")
        with self._stopped_together():
            self.generator.encode_pictures(samples)
            scored = self.rollouts.find([prompt.number for prompt in asked], version)
            is_known = len(scored) == len(asked)
            if not (is_known or may_draw):
                raise ValueError(
                    f"{self.rollouts.folder} has {len(scored)} of the {len(asked)} groups of batch {number}, which is "
                    "under way: go on from an earlier checkpoint"
                )
            groups = [] if is_known else self._answered(asked, samples, version)
        if self.settings.updates > 1 and self.ranks.sum([not is_known])[0]:
            # All processes run the learner equally often, because weights may be sharded.
            pairs = list(zip(groups or [one.group for one in scored], samples, strict=True))
            spare = pairs[:1] or [(self._blank[1].group, self._blank[0])]
            repeated = spare * (self.ranks.largest(len(pairs)) - len(pairs))
            groups = [self._with_old_log_probs(*pair, learner) for pair in pairs + repeated][: len(pairs)]
        if not is_known:
            clock.split("sampling_s")
        with self._stopped_together():
            scored = scored if is_known else [self._scored(*one) for one in zip(asked, samples, groups, strict=True)]
        if not is_known:
            self.rollouts.add(scored)
            clock.split("scoring_s")
        figures = batch_figures(scored, self.prompts.domains, self.ranks)
        blank = (samples[0], scored[0]) if scored else self._blank
        return RolloutGroups(number, samples, scored, figures | clock.mean(self.ranks), blank)

    @cached_property
    def _blank(self) -> tuple[Sample, ScoredGroup]:
        """A prompt with an answer of one token, for a process none of whose prompts can be used."""
        rollout = Rollout(0, "short", (0,), (0.0,), 0, "end", "")
        group = Group(Question("blank", "-", "-", "-"), (rollout,))
        return self.generator.processor.prepare(Conversation.ask("-")), ScoredGroup(group, "rule", (), (None,))

    @contextmanager
    def _stopped_together(self) -> Iterator[None]:
        """If one process raises ValueError, all raise CannotBegin: the steps before can be saved."""
        failure: ValueError | None = None
        try:
            yield
        except ValueError as error:
            failure = error
        reasons = self.ranks.merge({} if failure is None else {self.ranks.rank: str(failure)})
        if reasons:
            raise CannotBegin(str(failure or reasons[min(reasons)])) from failure

    def _answered(self, asked: Sequence[Prompt], samples: Sequence[Sample], version: int) -> list[Group]:
        count = self.settings.answers
        requests = [
            AnswerRequest(
                prompt.name,
                sample,
                prompt.mode == "long",
                self.settings.limit(prompt.mode),
                prompt.answer_seed(self.prompts.seed, place),
                prompt.conversation(),
            )
            for prompt, sample in zip(asked, samples, strict=True)
            for place in range(count)
        ]
        completions = self.generator.generate(requests)
        groups = []
        for place, prompt in enumerate(asked):
            own = completions[place * count : (place + 1) * count]
            rollouts = tuple(self._rollout(prompt, one, version) for one in own)
            groups.append(Group(prompt.question, rollouts, prompt.domain))
        return groups

    def _rollout(self, prompt: Prompt, completion: Completion, version: int) -> Rollout:
        roles, tokenizer = self.generator.roles, self.generator.processor.tokenizer
        response = tokenizer.decode(token for token in completion.tokens if token not in roles.ends)
        return Rollout(
            prompt.number,
            prompt.mode,
            completion.tokens,
            completion.log_probs,
            version,
            completion.stopped_by,
            response,
        )

    def _with_old_log_probs(self, group: Group, sample: Sample, learner: LogProbs) -> Group:
        batch = RolloutBatch.of(self.generator.processor, [sample], [[rollout.tokens for rollout in group.rollouts]])
        rollouts = zip(group.rollouts, map(tuple, learner(batch)), strict=True)
        return replace(group, rollouts=tuple(replace(rollout, old_log_probs=own) for rollout, own in rollouts))

    def _scored(self, prompt: Prompt, sample: Sample, group: Group) -> ScoredGroup:
        accuracy: Sequence[float]
        if prompt.scored_by == "probability":
            found = self.scorer.rewards(prompt, sample, group)
            accuracy = [
                0.0 if rollout.is_cut else reward for rollout, reward in zip(group.rollouts, found, strict=True)
            ]
        else:
            accuracy = accuracy_by_rule(group)
        try:
            rewards = group_rewards(group, accuracy, self.settings.rewards, self.reward_model)
            found_advantages = advantages([reward.value for reward in rewards], self.settings.by_std)
        except ValueError as error:
            raise ValueError(f"{prompt.name}: {error}") from error
        return ScoredGroup(group, prompt.scored_by, tuple(rewards), tuple(found_advantages))


class _Clock:
    """Seconds spent in the parts of a batch."""

    def __init__(self) -> None:
        self.seconds: Figures = {"prompts_s": 0.0, "sampling_s": 0.0, "scoring_s": 0.0}
        self._last = time.perf_counter()

    def split(self, name: str) -> None:
        """Assign the time since the last split to `name`."""
        now = time.perf_counter()
        self.seconds[name], self._last = now - self._last, now

    def mean(self, ranks: ProcessGroup) -> Figures:
        totals = ranks.sum(list(self.seconds.values()))
        return {name: total / ranks.count for name, total in zip(self.seconds, totals, strict=True)}
