"""A run has its folder to itself; an earlier one is set aside whole, and what is listed reads as one run."""

import json
import os

import pytest

from demiglace.data.sample_builder import TooLongRecord
from demiglace.folder_lock import locked
from demiglace.jobs.run_folder import SKIPPED_FILE, cut_back, latest_progress, log_skipped, open_folder, set_aside
from demiglace.jobs.run_record import RUN_FILE
from demiglace.records.bad_record import BadRecord
from demiglace.training.distributed import ALONE, ProcessGroup

MADE = ["stage", "model"]


def opened(folder, settings=None, restart=False, log=pytest.fail, ranks=ALONE):
    return open_folder(folder, settings or {"seed": 0}, lambda: {"data": {}}, MADE, ranks, log, restart)


def leave(folder):
    """What a run would."""
    (folder / "stage").mkdir()
    (folder / "stage" / "metrics.jsonl").write_text("{}\n")


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_two_runs_are_not_in_one_folder(tmp_path):
    with opened(tmp_path), pytest.raises(ValueError, match=f"{tmp_path} is in use by process {os.getpid()} on "):
        opened(tmp_path).__enter__()
    with opened(tmp_path):
        pass
    assert names(tmp_path) == [RUN_FILE]


def test_a_refused_run_leaves_no_lock_and_no_folder(tmp_path):
    with locked(tmp_path / "held"), pytest.raises(ValueError, match="in use"):
        opened(tmp_path / "held", restart=True).__enter__()

    def absent():
        raise FileNotFoundError(2, "No such file or directory", "data.jsonl")

    with pytest.raises(FileNotFoundError):
        open_folder(tmp_path / "new", {}, absent, MADE, ALONE, pytest.fail).__enter__()
    assert names(tmp_path) == []


class BesideAnotherMachine(ProcessGroup):
    """The first of two processes; the other one has a folder of its own."""

    def merge(self, own):
        return {**own, 1: "No such file or directory"} if own else {}


def test_a_folder_that_is_not_shared_is_refused(tmp_path):
    message = f"{tmp_path} must be on a file system that all machines see: process 1 does not find there the {RUN_FILE}"
    with pytest.raises(ValueError, match=message):
        opened(tmp_path, ranks=BesideAnotherMachine(0, 2)).__enter__()
    with opened(tmp_path):
        pass


def test_an_earlier_run_is_set_aside_and_nothing_else(tmp_path):
    messages = []
    (tmp_path / "notes.txt").write_text("mine")
    for seed in (0, 1, 2):
        with opened(tmp_path, {"seed": seed}, restart=True, log=messages.append):
            leave(tmp_path)
    assert names(tmp_path) == ["earlier-1", "earlier-2", "notes.txt", RUN_FILE, "stage"]
    assert messages == [f"the earlier run is now in {tmp_path / name}" for name in ("earlier-1", "earlier-2")]
    for number in (1, 2):
        assert names(tmp_path / f"earlier-{number}") == [RUN_FILE, "stage"]
        assert json.loads((tmp_path / f"earlier-{number}" / RUN_FILE).read_text())["seed"] == number - 1


def test_a_kill_while_it_is_set_aside_leaves_no_half_of_it_to_go_on_from(tmp_path, monkeypatch):
    with opened(tmp_path):
        leave(tmp_path)
    (tmp_path / "model").mkdir()
    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.rename", lambda path, target: os.rename(path, target) or 1 / 0)
        with pytest.raises(ZeroDivisionError):
            set_aside(tmp_path, MADE, pytest.fail)
    assert names(tmp_path) == ["earlier-1", "model", RUN_FILE]
    with pytest.raises(ValueError, match="has seed 0, not 1"):
        opened(tmp_path, {"seed": 1}).__enter__()
    with opened(tmp_path, {"seed": 1}, restart=True, log=lambda message: None):
        assert names(tmp_path / "earlier-2") == ["model", RUN_FILE]


def test_checkpoints_without_a_record_are_said_to_be_unchecked(tmp_path):
    messages = []
    leave(tmp_path)
    with opened(tmp_path, log=messages.append):
        pass
    assert "cannot be told; --restart begins anew" in messages[0]


def test_the_lock_is_the_first_processs(tmp_path, monkeypatch):
    monkeypatch.setattr(ProcessGroup, "merge", lambda self, own: dict(own))  # as if the first had done well
    with opened(tmp_path), opened(tmp_path, ranks=ProcessGroup(1, 2)):
        assert names(tmp_path) == [".demiglace.lock", RUN_FILE]


def test_what_the_first_process_is_refused_all_are(monkeypatch):
    monkeypatch.setattr(ProcessGroup, "merge", lambda self, own: {0: "in use"})
    with pytest.raises(ValueError, match="in use"):
        ProcessGroup(1, 2).first(pytest.fail)


def test_what_was_listed_after_the_last_checkpoint_is_dropped(tmp_path):
    path = tmp_path / SKIPPED_FILE
    records = [BadRecord(f"a.jsonl:{number}", f"no\nanswer\u2028{number}") for number in range(5)]
    log_skipped(path, False, [*records, BadRecord("\udcff.jsonl", "a name that is no text")])
    lines = path.read_text().splitlines()
    assert len(lines) == 6
    assert lines[0] == "a.jsonl:0: no answer 0"
    state = {"step": 3, "objective": {str(rank): {"counts": {"read": 9, "bad": 1, "too_long": 1}} for rank in (0, 1)}}
    (tmp_path / "step-00000003").mkdir()
    (tmp_path / "step-00000003" / "state.json").write_text(json.dumps(state))
    for _ in range(2):
        cut_back(tmp_path)
        assert path.read_text().splitlines() == lines[:4]


def test_before_the_first_checkpoint_nothing_was_listed(tmp_path):
    cut_back(tmp_path)
    log_skipped(tmp_path / SKIPPED_FILE, False, [BadRecord("a.jsonl:1", "no answer")])
    cut_back(tmp_path)
    assert (tmp_path / SKIPPED_FILE).read_text() == ""


def test_a_list_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(OSError, match="No space left") as raised:
        log_skipped(full(tmp_path / SKIPPED_FILE), False, [BadRecord("a.jsonl:1", "no answer")])
    assert raised.value.filename == str(tmp_path / SKIPPED_FILE)


def full(path):
    """A file on a disk that is full."""
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full")
    path.symlink_to("/dev/full")
    return path


def test_long_records_are_refused_by_choice(tmp_path):
    record = TooLongRecord("a.jsonl:1", "300 tokens")
    with pytest.raises(TooLongRecord):
        log_skipped(tmp_path / SKIPPED_FILE, True, [record])
    assert names(tmp_path) == []


def test_a_run_knows_how_far_it_came(tmp_path):
    assert latest_progress(tmp_path / "none") == latest_progress(tmp_path) == "the beginning"
    for step in (3, 12):
        held = tmp_path / "finetune" / f"step-{step:08d}"
        held.mkdir(parents=True)
        (held / "state.json").write_text("{}")
    (tmp_path / "finetune" / "step-00000099.part").mkdir()
    assert latest_progress(tmp_path) == "step 12 of finetune"
