"""The loop on a small regression: it learns, freezes, stops on what is not finite, and resumes bit for bit."""

import json
import math
import os
import signal
import time

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from demiglace.training import checkpoint
from demiglace.training.pace import Pace
from demiglace.training.stage import Stage
from demiglace.training.trainer import Trainer, freeze_all_but


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.ModuleList([nn.Linear(4, 4)])
        self.head = nn.Linear(4, 2)


def regression(learner, step):
    x = torch.randn(8, 4, generator=torch.Generator().manual_seed(step))
    loss = (learner.head(learner.layers[0](x).tanh()) - x[:, :2]).square().mean()
    yield loss, {"seen": 8.0}


def stage(num_steps, trainable=("layers", "head"), **changes):
    settings = {
        "learning_rate": 0.05,
        "warmup": 2,
        "decay_share": 0.4,
        "min_lr_ratio": 0.2,
        "weight_decay": 0.0,
        "max_grad_norm": 1.0,
    }
    settings |= {"save_every": 5, "log_every": 1}
    return Stage(name="small", trainable=trainable, num_steps=num_steps, **{**settings, **changes})


def losses(folder):
    return [json.loads(line)["loss"] for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_it_learns(tmp_path):
    assert Trainer(Small(), stage(60), regression, tmp_path).run()
    seen = losses(tmp_path)
    assert len(seen) == 60
    assert seen[-1] < 0.5 * seen[0]


def test_resumed_equals_uninterrupted(tmp_path):
    whole, parts = tmp_path / "full", tmp_path / "parts"
    reference, resumed = Small(), Small()
    Trainer(reference, stage(20), regression, whole).run()

    def killed_at_12(learner, step):
        if step == 12:
            raise RuntimeError("killed")
        yield from regression(learner, step)

    with pytest.raises(RuntimeError):
        Trainer(resumed, stage(20), killed_at_12, parts).run()
    fresh = Small()
    assert checkpoint.latest(parts).name == "step-00000010"
    Trainer(fresh, stage(20), regression, parts).run()
    assert losses(whole) == losses(parts)
    for left, right in zip(reference.parameters(), fresh.parameters(), strict=True):
        assert torch.equal(left, right)


def test_a_finished_stage_is_not_run_again(tmp_path):
    Trainer(Small(), stage(5), regression, tmp_path).run()
    again = Small()
    assert Trainer(again, stage(5), regression, tmp_path).run()
    assert len(losses(tmp_path)) == 5
    assert not torch.equal(again.head.weight, Small().head.weight)


def test_frozen_parameters_stay(tmp_path):
    learner = Small()
    before = learner.layers[0].weight.clone()
    Trainer(learner, stage(5, trainable=("head",)), regression, tmp_path).run()
    assert torch.equal(before, learner.layers[0].weight)


def test_unknown_parts_are_named():
    with pytest.raises(ValueError, match="tail"):
        freeze_all_but(Small(), ("head", "tail"))


def test_a_loss_that_is_not_finite_stops_the_run(tmp_path):
    def broken(learner, step):
        yield learner.head.weight.sum() * float("nan"), {}

    with pytest.raises(FloatingPointError, match=r"step 1 of small: loss nan.*bad-step-1\.json"):
        Trainer(Small(), stage(5, trainable=("head",)), broken, tmp_path).run()
    assert json.loads((tmp_path / "bad-step-1.json").read_text())["loss"] == "nan"


def test_the_last_checkpoints_are_kept(tmp_path):
    Trainer(Small(), stage(20), regression, tmp_path).run()
    assert [path.name for path in sorted(tmp_path.glob("step-*"))] == ["step-00000015", "step-00000020"]


class Counting:
    """Draws from a generator of its own, which no step number tells."""

    def __init__(self) -> None:
        self.drawn = 0
        self.x = torch.zeros(0)

    def __call__(self, learner, step):
        self.drawn += 1
        self.x = torch.randn(8, 4, generator=torch.Generator().manual_seed(self.drawn))
        for x in self.x.split(4):
            yield (learner.head(x) - x[:, :2]).square().sum() / 16, {"seen": 4.0}

    def state(self):
        return {"drawn": self.drawn}

    def restore(self, state):
        self.drawn = state["drawn"]

    def seen(self):
        return {"x": self.x}


def test_parts_add_up_to_the_step(tmp_path):
    def in_parts(count):
        def objective(learner, step):
            x = torch.randn(8, 4, generator=torch.Generator().manual_seed(step))
            for part in x.chunk(count):
                yield (learner.head(part) - part[:, :2]).square().sum() / 16, {"seen": float(len(part))}

        return objective

    whole, parts = Small(), Small()
    Trainer(whole, stage(10, trainable=("head",)), in_parts(1), tmp_path / "full").run()
    Trainer(parts, stage(10, trainable=("head",)), in_parts(4), tmp_path / "parts").run()
    assert losses(tmp_path / "parts") == pytest.approx(losses(tmp_path / "full"), abs=1e-6)
    assert torch.allclose(whole.head.weight, parts.head.weight, atol=1e-5)
    assert json.loads((tmp_path / "parts" / "metrics.jsonl").read_text().splitlines()[0])["seen"] == 8.0


def test_an_objective_with_a_state_goes_on_from_it(tmp_path):
    Trainer(Small(), stage(20, trainable=("head",)), Counting(), tmp_path / "full").run()
    interrupted = Counting()

    def killed_at_12(learner, step):
        if step == 12:
            raise RuntimeError("killed")
        yield from interrupted(learner, step)

    killed_at_12.state, killed_at_12.restore, killed_at_12.seen = (
        interrupted.state,
        interrupted.restore,
        interrupted.seen,
    )
    with pytest.raises(RuntimeError):
        Trainer(Small(), stage(20, trainable=("head",)), killed_at_12, tmp_path / "parts").run()
    Trainer(Small(), stage(20, trainable=("head",)), Counting(), tmp_path / "parts").run()
    assert losses(tmp_path / "parts") == losses(tmp_path / "full")


def test_what_a_bad_step_was_learned_from_is_saved(tmp_path):
    class Broken(Counting):
        def __call__(self, learner, step):
            for loss, figures in super().__call__(learner, step):
                yield loss * (float("inf") if step == 3 else 1.0), figures

    objective = Broken()
    with pytest.raises(FloatingPointError, match=r"bad-step-4\.safetensors"):
        Trainer(Small(), stage(9, trainable=("head",)), objective, tmp_path).run()
    assert torch.equal(load_file(tmp_path / "bad-step-4.safetensors")["x"], objective.x)
    told = json.loads((tmp_path / "bad-step-4.json").read_text())
    assert (told["stage"], told["step"], told["loss"]) == ("small", 4, "inf")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_step_and_saves(tmp_path, number):
    def interrupted(learner, step):
        if step == 3:
            os.kill(os.getpid(), number)
        yield from regression(learner, step)

    before = signal.getsignal(number)
    assert not Trainer(Small(), stage(20), interrupted, tmp_path).run()
    assert checkpoint.latest(tmp_path).name == "step-00000004"
    assert signal.getsignal(number) is before


def test_a_checkpoint_that_nobody_saw_is_seen_when_the_run_goes_on(tmp_path):
    class Seen:
        def __init__(self, deadly_at=None):
            self.steps, self.deadly_at = [], deadly_at

        def __call__(self, learner, folder, step):
            if step == self.deadly_at:
                raise KeyboardInterrupt
            self.steps.append(step)
            return ""

        def lacks(self, folder, step):
            return step not in self.steps

    first = Seen(deadly_at=10)
    with pytest.raises(KeyboardInterrupt):
        Trainer(Small(), stage(20), regression, tmp_path, first).run()
    first.deadly_at = None
    Trainer(Small(), stage(20), regression, tmp_path, first).run()
    assert first.steps == [5, 10, 15, 20]
    Trainer(Small(), stage(20), regression, tmp_path, first).run()
    assert first.steps == [5, 10, 15, 20]


def test_what_the_disk_refuses_is_told_with_the_last_checkpoint(tmp_path):
    def full_at_12(learner, step):
        if step == 12:
            raise OSError(28, "No space left on device")
        yield from regression(learner, step)

    with pytest.raises(
        checkpoint.NotWritten, match="No space left on device; the last good checkpoint is step-00000010"
    ):
        Trainer(Small(), stage(20), full_at_12, tmp_path).run()


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
    told, hungry, fed = [], Small(), Small()
    assert Trainer(hungry, stage(6), Hungry(cure=True), tmp_path / "hungry", log=told.append).run()
    always = Hungry(cure=True)
    always.halve()
    Trainer(fed, stage(6), always, tmp_path / "fed").run()
    assert torch.equal(hungry.head.weight, fed.head.weight)
    assert told == ["out of memory in step 4 of small: half as much goes through at once from here"]
    assert len(losses(tmp_path / "hungry")) == 6


def test_out_of_memory_a_second_time_ends_the_run(tmp_path):
    with pytest.raises(torch.OutOfMemoryError):
        Trainer(Small(), stage(6), Hungry(cure=False), tmp_path).run()
    with pytest.raises(torch.OutOfMemoryError):  # an objective that cannot be halved
        Trainer(Small(), stage(6), lambda learner, step: Hungry(cure=False)(learner, step), tmp_path / "plain").run()
