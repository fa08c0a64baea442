"""A stage that keeps time: its deadline, checkpoints by time, figures read now and then; and one short of memory."""

import json
import math
import time

import pytest
import torch
from small_stage import Small, losses, regression, stage

from demiglace.training import checkpoint
from demiglace.training.pace import Pace
from demiglace.training.trainer import Trainer


def test_the_deadline_stops_a_stage_and_all_is_saved(tmp_path):
    pace = Pace(deadline=time.monotonic() + 0.2)

    def slow(learner, step):
        time.sleep(0.03)
        yield from regression(learner, step)

    assert not Trainer(Small(), stage(1000), slow, tmp_path, pace=pace).run()
    reached = checkpoint.num_steps(checkpoint.latest(tmp_path))
    assert 0 < reached < 20
    assert Trainer(Small(), stage(reached + 2), slow, tmp_path).run()
    assert len(losses(tmp_path)) == reached + 2


def test_checkpoints_come_by_time_too(tmp_path):
    Trainer(Small(), stage(3, save_every=1000, keep=9), regression, tmp_path, pace=Pace(save_seconds=0.0)).run()
    assert [checkpoint.num_steps(path) for path in checkpoint.finished_checkpoints(tmp_path)] == [1, 2, 3]


def test_figures_that_are_read_now_and_then_change_no_weight(tmp_path):
    often, seldom = Small(), Small()
    Trainer(often, stage(10), regression, tmp_path / "often").run()
    Trainer(seldom, stage(10), regression, tmp_path / "seldom", pace=Pace(read_every=4)).run()
    assert torch.equal(often.head.weight, seldom.head.weight)
    read = [json.loads(line) for line in (tmp_path / "seldom" / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in read] == [1, 4, 5, 8, 10]  # the first, every fourth, and those that are saved
    assert [line["loss"] for line in read] == [losses(tmp_path / "often")[line["step"] - 1] for line in read]


def test_what_is_not_finite_is_found_before_it_is_saved(tmp_path):
    def broken(learner, step):
        for loss, figures in regression(learner, step):
            yield loss * (math.nan if step == 6 else 1.0), figures

    with pytest.raises(FloatingPointError, match="step 10 of small"):
        Trainer(Small(), stage(20), broken, tmp_path, pace=Pace(read_every=100)).run()
    assert checkpoint.num_steps(checkpoint.latest(tmp_path)) == 5


class Hungry:
    """Runs out of memory in a step, in the middle of its second part, until it is halved."""

    def __init__(self, cure: bool) -> None:
        self.cure, self.halved = cure, False

    def __call__(self, learner, step):
        for loss, figures in regression(learner, step):
            yield loss / 2, figures
            if step == 3 and not (self.halved and self.cure):
                raise torch.OutOfMemoryError("CUDA out of memory")
            yield loss.detach() / 2 + 0 * learner.head.weight.sum(), figures

    def halve(self) -> bool:
        before, self.halved = self.halved, True
        return not before


def test_out_of_memory_halves_once_and_the_step_begins_again(tmp_path):
    messages, hungry, fed = [], Small(), Small()
    assert Trainer(hungry, stage(6), Hungry(cure=True), tmp_path / "hungry", log=messages.append).run()
    always = Hungry(cure=True)
    always.halve()
    Trainer(fed, stage(6), always, tmp_path / "fed").run()
    assert torch.equal(hungry.head.weight, fed.head.weight)
    assert messages == ["out of memory in step 4 of small: half as much goes through at once from here"]
    assert len(losses(tmp_path / "hungry")) == 6


def test_out_of_memory_a_second_time_ends_the_run(tmp_path):
    with pytest.raises(torch.OutOfMemoryError):
        Trainer(Small(), stage(6), Hungry(cure=False), tmp_path).run()
    with pytest.raises(torch.OutOfMemoryError):  # an objective that cannot be halved
        Trainer(Small(), stage(6), lambda learner, step: Hungry(cure=False)(learner, step), tmp_path / "plain").run()
