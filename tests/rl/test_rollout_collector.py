"""Batches of rollouts where several processes collect them together."""

from dataclasses import dataclass

import pytest
from rl_objectives import objective

from demiglace.rl.rollout_batch import PolicyLearner, RolloutBatch
from demiglace.training.distributed import ProcessGroup
from demiglace.training.objective import CannotBegin


@dataclass(frozen=True)
class BesideAnother(ProcessGroup):
    """The first of two processes; the other has 4 groups or microbatches, and figures of 0."""

    count: int = 2

    def sum(self, values):
        return list(values)

    def merge(self, own):
        return {**own, 1: 4} if own else {}


def test_a_process_with_fewer_prompts_runs_its_sharded_weights_as_often_as_the_others(model, processor, tmp_path):
    """Where a prompt was left out in one process, the others would wait for it forever."""
    learn = objective(model, processor, tmp_path, updates=2)
    learn.collector.ranks = BesideAnother()
    read, batches = learn.collector.batches.batch, []
    learn.collector.batches.batch = lambda number: tuple(held[:3] for held in read(number))

    def log_probs(batch):
        batches.append(batch)
        return PolicyLearner(model).log_probs_by_answer(batch)

    groups = learn.collector.collect(0, (), log_probs)
    assert len(batches) == 4
    for sample, scored in zip(groups.samples, groups.scored, strict=True):
        rollouts = scored.group.rollouts
        alone = RolloutBatch.of(processor, [sample], [[rollout.tokens for rollout in rollouts]])
        assert [list(rollout.old_log_probs) for rollout in rollouts] == PolicyLearner(model).log_probs_by_answer(alone)


class BesideFailing(BesideAnother):
    """The other process has met a bad record."""

    def merge(self, own):
        return {**own, 1: "a.jsonl:1: empty"}


def test_a_process_stops_where_another_has_met_bad_input(model, processor, tmp_path):
    """Else it would wait for it, and the steps before could not be saved."""
    learn = objective(model, processor, tmp_path)
    learn.collector.ranks = BesideFailing()
    with pytest.raises(CannotBegin, match=r"a.jsonl:1: empty"):
        learn.collector.collect(0, (), None)


@dataclass(frozen=True)
class BesideOneWithPrompts(BesideAnother):
    """The other process has 4 usable prompts."""

    def sum(self, values):
        return [values[0] + 4] if len(values) == 1 else list(values)


@pytest.mark.parametrize("updates", [1, 2])
def test_a_process_without_a_usable_prompt_computes_as_often_as_the_others_and_learns_nothing(
    model, processor, tmp_path, updates
):
    learn = objective(model, processor, tmp_path, updates=updates)
    learn.collector.ranks = BesideOneWithPrompts()
    learn.collector.batches.batch = lambda number: ([], [])
    found = list(learn(PolicyLearner(model), 0))
    assert [loss.item() for loss, _ in found] == [0.0] * 4
    sum(loss for loss, _ in found).backward()
    assert not any(parameter.grad.any() for parameter in model.llm.parameters())
    assert learn.collector.rollouts.find([0], 0) == []


def test_a_batch_without_a_usable_prompt_in_any_process_is_an_error(model, processor, tmp_path):
    learn = objective(model, processor, tmp_path)
    learn.collector.batches.batch = lambda number: ([], [])
    with pytest.raises(CannotBegin, match="none of the 4 prompts of batch 2 can be used"):
        learn.collector.collect(2, (), None)
