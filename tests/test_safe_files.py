"""Small files are read within bounds and by name; files and folders are there whole or not at all."""

import json
import os
import resource
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from safetensors.torch import save_file
from torch import zeros

from demiglace import safe_files
from demiglace.safe_files import (
    append_text,
    atomic_path,
    atomic_paths,
    disk_errors,
    drop_torn_line,
    read_object,
    write_whole,
)


def test_what_was_written_is_read(tmp_path):
    write_whole(tmp_path / "a.json", json.dumps({"größe": [1, None]}))
    assert read_object(tmp_path / "a.json", 2**20) == {"größe": [1, None]}
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


@pytest.mark.parametrize(
    ("text", "told"),
    [("[1]", "must hold a JSON object, got list"), ("{", "is not valid JSON"), ("[" * 100_000, "is not valid JSON")],
)
def test_what_is_no_object_is_refused(tmp_path, text, told):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(ValueError, match=f"a.json {told}"):
        read_object(tmp_path / "a.json", 2**20)


def test_an_absent_and_an_endless_file_are_refused(tmp_path):
    with pytest.raises(ValueError, match=f"no a.json in {tmp_path}"):
        read_object(tmp_path / "a.json", 2**20)
    (tmp_path / "a.json").write_text('{"key": "value"}')
    with pytest.raises(ValueError, match="has 16 bytes, more than 10"):
        read_object(tmp_path / "a.json", 10)


def test_a_text_that_cannot_be_written_leaves_the_one_before(tmp_path):
    write_whole(tmp_path / "a.txt", "before")
    with pytest.raises(UnicodeEncodeError):
        write_whole(tmp_path / "a.txt", "\ud800")
    assert (tmp_path / "a.txt").read_text() == "before"
    assert names(tmp_path) == ["a.txt"]


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@contextmanager
def largest_file():
    """No file may grow beyond 1,000 bytes, as on a disk that is full; the log of the tests may, behind it."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_file_that_cannot_be_written_is_named(tmp_path):
    with largest_file(), pytest.raises(OSError, match="File too large") as raised:
        write_whole(tmp_path / "a.txt", "x" * 2000)
    assert raised.value.filename == str(tmp_path / "a.txt")
    assert names(tmp_path) == []


def test_what_safetensors_cannot_write_is_an_os_error(tmp_path):
    with largest_file(), pytest.raises(OSError, match="File too large") as raised:  # noqa: SIM117
        with atomic_path(tmp_path / "a.safetensors") as aside:
            save_file({"a": zeros(1000)}, aside)
    assert raised.value.filename == str(tmp_path / "a.safetensors")
    assert names(tmp_path) == []


def test_what_does_not_fit_behind_a_file_is_an_error_that_names_it(tmp_path):
    path = tmp_path / "lines.jsonl"
    append_text(path, "one\n")
    with largest_file(), pytest.raises(OSError, match=r"lines\.jsonl"):
        append_text(path, "x" * 2000)
    assert path.read_text().startswith("one\nxxx")


@pytest.mark.parametrize("kept", ["", "größe\n", "one\ntwo\n"])
@pytest.mark.parametrize("torn", ["", "half a line", "größ"])
def test_a_line_that_a_kill_has_torn_is_dropped_within_a_letter_too(tmp_path, kept, torn):
    path = tmp_path / "lines.jsonl"
    path.write_bytes(kept.encode() + torn.encode()[:-1])
    drop_torn_line(path)
    assert path.read_text() == kept
    drop_torn_line(tmp_path / "none")
    assert [one.name for one in tmp_path.iterdir()] == ["lines.jsonl"]


def test_a_folder_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(FileNotFoundError) as raised:
        write_whole(tmp_path / "none" / "a.txt", "text")
    assert raised.value.filename == str(tmp_path / "none" / "a.txt")


def test_what_else_goes_wrong_stays_what_it_is(tmp_path):
    with pytest.raises(UnicodeEncodeError), atomic_path(tmp_path / "a.txt") as aside:
        aside.write_text("half\ud800")
    with pytest.raises(OSError, match="cannot identify") as raised, disk_errors(tmp_path / "a.txt"):
        raise OSError("cannot identify image file")
    assert raised.value.filename is None
    assert names(tmp_path) == []


@pytest.mark.parametrize("exchanges", [True, False])
def test_a_folder_takes_the_place_of_another(tmp_path, monkeypatch, exchanges):
    if not exchanges:
        monkeypatch.setattr(safe_files, "_exchange", lambda one, other: False)
    for text in ("before", "after"):
        with atomic_path(tmp_path / "folder") as aside:
            aside.mkdir()
            (aside / f"{text}.txt").write_text(text)
    assert names(tmp_path) == ["folder"]
    assert names(tmp_path / "folder") == ["after.txt"]


def test_a_folder_is_there_at_every_moment_of_its_replacement(tmp_path, monkeypatch):
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
    if not safe_files._exchange(tmp_path / "one", tmp_path / "other"):
        pytest.skip("the system cannot exchange names")
    monkeypatch.setattr(Path, "rename", None)
    with atomic_path(tmp_path / "one") as aside:
        aside.mkdir()
        (aside / "after.txt").write_text("after")
    assert names(tmp_path / "one") == ["after.txt"]


def test_a_folder_comes_back_that_was_set_aside_when_the_process_was_killed(tmp_path):
    former = tmp_path / f".part-{gone()}-folder.former"
    former.mkdir()
    (former / "before.txt").write_text("before")
    with pytest.raises(KeyError), atomic_path(tmp_path / "folder"):
        raise KeyError
    assert names(tmp_path) == ["folder"]
    assert names(tmp_path / "folder") == ["before.txt"]


def test_several_files_appear_together(tmp_path):
    (tmp_path / "a").write_text("before")
    with pytest.raises(FileNotFoundError) as raised, atomic_paths(tmp_path, ["a", "b"]) as asides:
        asides["a"].write_text("after")
    assert raised.value.filename == str(tmp_path / "b")
    assert (tmp_path / "a").read_text() == "before"
    with atomic_paths(tmp_path, ["a", "b"]) as asides:
        for name, aside in asides.items():
            aside.write_text(name)
        assert (tmp_path / "a").read_text() == "before"
    assert [(tmp_path / name).read_text() for name in names(tmp_path)] == ["a", "b"]


def test_leftovers_of_a_killed_process_are_removed_and_those_of_a_living_one_are_not(tmp_path):
    for name in (f".part-{gone()}-a.txt", f".part-{os.getppid()}-a.txt", f".part-{gone()}-other.txt"):
        (tmp_path / name).write_text("half")
    write_whole(tmp_path / "a.txt", "text")
    assert names(tmp_path) == sorted([f".part-{os.getppid()}-a.txt", f".part-{gone()}-other.txt", "a.txt"])


def test_all_is_on_the_disk_before_it_is_renamed(tmp_path, monkeypatch):
    flushed = []
    monkeypatch.setattr(safe_files, "flush", lambda path: flushed.append((path.name, names(tmp_path))))
    with atomic_path(tmp_path / "folder") as aside:
        aside.mkdir()
        (aside / "a.txt").write_text("text")
    assert [name for name, _ in flushed] == ["a.txt", aside.name, tmp_path.name]
    assert [there for _, there in flushed] == [[aside.name], [aside.name], ["folder"]]


def gone(process=[]):  # noqa: B006 (one process for all)
    """The number of a process that has ended."""
    if not process:
        child = subprocess.Popen([sys.executable, "-c", ""])
        child.wait()
        process.append(child.pid)
    return process[0]
