"""Checkpoints: whole or not there, and what was saved comes back to the bit."""

import json
import shutil

import pytest
import torch
from safetensors import SafetensorError
from torch import nn

from demiglace.training import checkpoint
from demiglace.training.checkpoint import Progress
from demiglace.training.optim import optimizers


class Small(nn.Module):
    def __init__(self, size: int = 4) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(size, size)])


def trained(seed: int):
    """A learner and its optimizers after one step."""
    torch.manual_seed(seed)
    learner = Small()
    found = optimizers(learner.named_parameters(), 0.1, 0.0)
    learner.layers[0](torch.randn(3, 4)).square().sum().backward()
    for optimizer in found:
        optimizer.step()
    return learner, found


def states(found):
    every = [held for optimizer in found for held in optimizer.state_dict()["state"].values()]
    return [held[key] for held in every for key in sorted(held)]


def test_what_was_saved_comes_back(tmp_path):
    learner, found = trained(0)
    progress = Progress(7, {"loader": {"0": [1, "a"]}})
    path = checkpoint.save(tmp_path, progress, learner, found)
    other, others = trained(1)
    assert checkpoint.restore(path, other, others) == progress
    for left, right in zip(learner.parameters(), other.parameters(), strict=True):
        assert torch.equal(left, right)
    for left, right in zip(states(found), states(others), strict=True):
        assert torch.equal(left, right)
    assert checkpoint.num_steps(path) == 7


def test_a_state_without_an_objective_is_read(tmp_path):
    learner, found = trained(0)
    path = checkpoint.save(tmp_path, Progress(3), learner, found)
    (path / "state.json").write_text(json.dumps({"step": 3}))
    assert checkpoint.restore(path, learner, found) == Progress(3, {})


@pytest.mark.parametrize("name", ["step-00000099.part", "step-00000098"])
def test_what_is_not_whole_is_never_picked(tmp_path, name):
    learner, found = trained(0)
    (tmp_path / name).mkdir()
    (tmp_path / name / "learner.safetensors").write_bytes(b"half")
    assert checkpoint.latest(tmp_path) is None
    path = checkpoint.save(tmp_path, Progress(1), learner, found)
    assert checkpoint.latest(tmp_path) == path


def test_leftovers_of_a_killed_run_are_cleared(tmp_path):
    learner, found = trained(0)
    (tmp_path / "step-00000099.part").mkdir()
    checkpoint.save(tmp_path, Progress(1), learner, found)
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000001"]


@pytest.mark.parametrize(
    "error",
    [
        OSError(28, "No space left on device"),
        SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)"),
    ],
)
def test_a_full_disk_leaves_the_last_checkpoint_whole(tmp_path, monkeypatch, error):
    learner, found = trained(0)
    before = checkpoint.save(tmp_path, Progress(5), learner, found, keep=1)

    def fill(tensors, path):
        path.write_bytes(b"half")
        raise error

    monkeypatch.setattr(checkpoint, "save_file", fill)
    with pytest.raises(OSError, match="No space left on device; the last good checkpoint is step-00000005") as raised:
        checkpoint.save(tmp_path, Progress(10), learner, found, keep=1)
    assert raised.value.filename == str(tmp_path / "step-00000010")
    assert list(tmp_path.iterdir()) == [before]
    assert checkpoint.restore(before, *trained(1)).step == 5


@pytest.mark.parametrize(
    ("name", "contents", "message"),
    [
        ("learner.safetensors", b"half", r"learner\.safetensors is damaged"),
        ("optimizer.safetensors", b"", r"optimizer\.safetensors is damaged"),
        ("state.json", b"", r"state\.json is not valid JSON"),
        ("state.json", b"[3]", r"state\.json must hold a JSON object, got list"),
        ("state.json", b"{}", r"state\.json: step is missing"),
        ("state.json", b'{"step": "3"}', r"state\.json: step must be a whole number from 0 to \d+, got '3'"),
        ("state.json", b'{"step": 3, "objective": [1]}', r"state\.json: objective must be a table, got \[1\]"),
    ],
)
def test_a_file_that_was_damaged_since_is_named(tmp_path, name, contents, message):
    learner, found = trained(0)
    path = checkpoint.save(tmp_path, Progress(3), learner, found)
    (path / name).write_bytes(contents)
    with pytest.raises(ValueError, match=message):
        checkpoint.restore(path, learner, found)


def test_another_learner_is_refused_in_a_line(tmp_path):
    learner, found = trained(0)
    path = checkpoint.save(tmp_path, Progress(1), learner, found)
    with pytest.raises(
        ValueError, match=r"step-00000001 belongs to another learner: 2 tensors differ, such as layers\.0"
    ):
        checkpoint.restore_learner(path, Small(5))


def test_the_last_ones_are_kept(tmp_path):
    learner, found = trained(0)
    for step in range(1, 6):
        checkpoint.save(tmp_path, Progress(step), learner, found, keep=3)
    assert [path.name[-1] for path in checkpoint.finished_checkpoints(tmp_path)] == ["3", "4", "5"]
    shutil.rmtree(checkpoint.latest(tmp_path))
    assert checkpoint.num_steps(checkpoint.latest(tmp_path)) == 4


def test_a_half_written_checkpoint_is_never_picked(tmp_path):
    (tmp_path / "step-00000099.part").mkdir(parents=True)
    assert checkpoint.latest(tmp_path) is None
