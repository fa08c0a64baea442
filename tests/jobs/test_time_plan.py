"""Steps by the time there is: in proportion, and the same after a kill."""

import time

import pytest
import torch
from torch import nn

from demiglace.jobs.time_plan import PLAN_FILE, USED, TimePlan, seconds_of_a_step
from demiglace.training.pace import Pace
from demiglace.training.stage import Stage


def stage(name: str) -> Stage:
    return Stage(
        name, ("",), num_steps=700, learning_rate=0.1, warmup=60, decay_share=0.0, min_lr_ratio=0.1, weight_decay=0.0,
        max_grad_norm=1.0, save_every=100,
    )  # fmt: skip


@pytest.fixture
def plan(tmp_path):
    return TimePlan(tmp_path, {"first": 1.0, "second": 3.0}, Pace(time.monotonic() + 110), reserve=10)


def test_stages_share_the_time_and_what_is_planned_stays(plan, tmp_path):
    first = plan.fitted(stage("first"), lambda: 0.5)
    assert first.num_steps == pytest.approx(USED * 100 / 4 / 0.5, abs=1)
    assert first.warmup == first.num_steps // 5
    late = TimePlan(tmp_path, plan.shares, Pace(time.monotonic() + 60), reserve=10)
    assert late.fitted(stage("first"), lambda: pytest.fail("is planned")).num_steps == first.num_steps
    assert late.fitted(stage("second"), lambda: 0.01).num_steps == pytest.approx(USED * 50 / 0.01, rel=0.01)
    assert plan.steps().keys() == {"first", "second"}


def test_a_stage_has_a_step_however_late_it_is(plan):
    assert plan.fitted(stage("second"), lambda: 1e6).num_steps == 1


def test_without_time_a_stage_is_left_to_a_later_call(plan, tmp_path):
    late = TimePlan(tmp_path, plan.shares, Pace(time.monotonic() + 5), reserve=10)
    assert late.is_late(stage("first"))
    assert not plan.is_late(stage("first"))
    plan.fitted(stage("first"), lambda: 1.0)
    assert not late.is_late(stage("first"))


def test_a_damaged_plan_is_named(plan, tmp_path):
    (tmp_path / PLAN_FILE).write_text('{"first": 0.5}')
    with pytest.raises(ValueError, match=r"plan\.json.*first.* must be a whole number"):
        plan.fitted(stage("first"), lambda: 1.0)


def test_timing_leaves_the_learner_as_it_was():
    learner = nn.Linear(3, 3)
    before = learner.weight.clone()
    seen = []

    def objective(learner, step):
        seen.append(step)
        yield learner(torch.ones(2, 3)).square().mean(), {}

    assert seconds_of_a_step(learner, stage("first"), objective) > 0
    assert seen == list(range(8))
    assert torch.equal(learner.weight, before)
    assert learner.weight.grad is None
