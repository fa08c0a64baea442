"""The loop on a small regression: it learns, freezes, stops on what is not finite, and resumes bit for bit."""

import json
import os
import signal

import pytest
import torch
from safetensors.torch import load_file
from small_stage import Small, losses, regression, stage

from demiglace.training import checkpoint
from demiglace.training.trainer import Trainer, freeze_all_but


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
    saved = json.loads((tmp_path / "bad-step-4.json").read_text())
    assert (saved["stage"], saved["step"], saved["loss"]) == ("small", 4, "inf")


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

        def is_unrecorded(self, folder, step):
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
        checkpoint.WriteError, match="No space left on device; the last good checkpoint is step-00000010"
    ):
        Trainer(Small(), stage(20), full_at_12, tmp_path).run()
