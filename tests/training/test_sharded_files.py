"""Checkpoints of several processes: each writes its parts, and any number of processes goes on from them."""

import shutil

import pytest
import torch
from small_processes import Learner, run_in
from small_stage import losses

from demiglace.training import checkpoint, sharded_files
from demiglace.training.optim import optimizers

BOUND = 1e-6  # sums over processes are rounded otherwise than sums over rows


CHANGES = [(2, 2), (2, 1), (1, 2), (2, 4)]  # processes before and after


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Runs of 8 steps: `whole` in 2 processes that nobody stopped, others whose number changed after step 4."""
    folder = tmp_path_factory.mktemp("runs")
    halves = [(count, folder / f"{count}-{count}", 4) for count in (2, 1)]
    run_in(*halves)
    for before, after in CHANGES:
        if before != after:
            shutil.copytree(folder / f"{before}-{before}", folder / f"{before}-{after}")
    run_in((2, folder / "whole", 8), *((after, folder / f"{before}-{after}", 8) for before, after in CHANGES))
    return folder


@pytest.mark.parametrize(("before", "after"), CHANGES)
def test_any_number_of_processes_goes_on(folder, before, after):
    uninterrupted, own = losses(folder / "whole"), losses(folder / f"{before}-{after}")
    if before == after:
        assert own == uninterrupted
    else:
        assert own == pytest.approx(uninterrupted, abs=BOUND)
    saved = checkpoint.finished_checkpoints(folder / f"{before}-{after}")
    assert [len(list(path.glob(sharded_files.PATTERN))) for path in saved] == [
        n if n > 1 else 0 for n in (before, after)
    ]
    assert not list(folder.glob("*/*.part"))


def restored(path):
    learner = Learner()
    checkpoint.restore(path, learner, optimizers(learner.named_parameters(), 0.1, 0.0))
    return learner


def test_one_process_reads_what_several_wrote(folder):
    of_two, of_one = (restored(folder / name / "step-00000004") for name in ("2-2", "1-2"))
    for mine, theirs in zip(of_two.parameters(), of_one.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=0, atol=BOUND)


def test_a_file_that_is_missing_is_no_gap_in_the_weights(folder, tmp_path):
    path = shutil.copytree(folder / "2-2" / "step-00000004", tmp_path / "step-00000004")
    sorted(path.glob(sharded_files.PATTERN))[0].unlink()
    with pytest.raises(ValueError, match=r"step-00000004 is damaged \(1 of 2 files are there\); remove its folder"):
        restored(path)


def test_a_torn_file_is_named(folder, tmp_path):
    path = shutil.copytree(folder / "2-2" / "step-00000004", tmp_path / "step-00000004")
    file = sorted(path.glob(sharded_files.PATTERN))[1]
    file.write_bytes(file.read_bytes()[:-8])
    with pytest.raises(ValueError, match=r"step-00000004 is damaged .*; remove its folder to resume"):
        restored(path)


def test_weights_of_another_size_are_refused(folder):
    learner = Learner()
    learner.model.head = torch.nn.Linear(4, 3)
    with pytest.raises(ValueError, match=r"belongs to another learner: 2 tensors differ, such as model\.head\.bias"):
        checkpoint.restore_learner(folder / "2-2" / "step-00000004", learner)


def test_what_the_system_refuses_is_said_as_the_system_says_it(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError, match=r"Not a directory \(process 0\)"):
        sharded_files.write_parts(tmp_path / "file" / "step", {"a": torch.zeros(1)})
