"""The loop on a small regression: it learns, freezes, stops on what is not finite, and resumes bit for bit."""

import json

import pytest
import torch
from torch import nn

from demiglace.training import checkpoint
from demiglace.training.trainer import Stage, Trainer, freeze_all_but


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.ModuleList([nn.Linear(4, 4)])
        self.head = nn.Linear(4, 2)


def regression(learner, step):
    x = torch.randn(8, 4, generator=torch.Generator().manual_seed(step))
    loss = (learner.head(learner.layers[0](x).tanh()) - x[:, :2]).square().mean()
    return loss, {"seen": 8.0}


def stage(num_steps, learns=("layers", "head"), **changes):
    settings = {"rate": 0.05, "warmup": 2, "decay_share": 0.4, "floor": 0.2, "weight_decay": 0.0, "clip": 1.0}
    settings |= {"save_every": 5, "log_every": 1}
    return Stage(name="small", learns=learns, num_steps=num_steps, **{**settings, **changes})


def losses(folder):
    return [json.loads(line)["loss"] for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_it_learns(tmp_path):
    assert Trainer(Small(), stage(60), regression, tmp_path).run()
    seen = losses(tmp_path)
    assert len(seen) == 60
    assert seen[-1] < 0.5 * seen[0]


def test_resumed_equals_uninterrupted(tmp_path):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    reference, resumed = Small(), Small()
    Trainer(reference, stage(20), regression, whole).run()

    def killed_at_12(learner, step):
        if step == 12:
            raise RuntimeError("killed")
        return regression(learner, step)

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


def test_a_half_written_checkpoint_is_never_picked(tmp_path):
    (tmp_path / "step-00000099.part").mkdir(parents=True)
    assert checkpoint.latest(tmp_path) is None


def test_frozen_parameters_stay(tmp_path):
    learner = Small()
    before = learner.layers[0].weight.clone()
    Trainer(learner, stage(5, learns=("head",)), regression, tmp_path).run()
    assert torch.equal(before, learner.layers[0].weight)


def test_unknown_parts_are_named():
    with pytest.raises(ValueError, match="tail"):
        freeze_all_but(Small(), ("head", "tail"))


def test_a_loss_that_is_not_finite_stops_the_run(tmp_path):
    def broken(learner, step):
        return learner.head.weight.sum() * float("nan"), {}

    with pytest.raises(FloatingPointError, match="step 0"):
        Trainer(Small(), stage(5, learns=("head",)), broken, tmp_path).run()


def test_the_last_checkpoints_are_kept(tmp_path):
    Trainer(Small(), stage(20), regression, tmp_path).run()
    assert [path.name for path in sorted(tmp_path.glob("step-*"))] == ["step-00000015", "step-00000020"]
