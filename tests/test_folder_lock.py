"""One process at a time in a folder: who is in it is named, and what a killed one left is no obstacle."""

import os
import resource
import socket
import subprocess
import sys
import time

import pytest

from demiglace.folder_lock import FILE, locked

HOLD = "import sys, time; from pathlib import Path; from demiglace.folder_lock import locked\n"
WAIT = f"{HOLD}with locked(Path(sys.argv[1])): print('in', flush=True); time.sleep(float(sys.argv[2]))"


@pytest.fixture
def other(tmp_path):
    """Another process in the folder."""
    child = subprocess.Popen([sys.executable, "-c", WAIT, tmp_path, "60"], stdout=subprocess.PIPE, text=True)
    assert child.stdout.readline() == "in\n"
    yield child
    child.kill()
    child.wait()


def owner(folder):
    process, host, *_ = (folder / FILE).read_text().splitlines()
    return int(process), host


def test_the_file_names_the_owner_and_goes_with_it(tmp_path):
    with locked(tmp_path / "new"):
        assert owner(tmp_path / "new") == (os.getpid(), socket.gethostname())
        (tmp_path / "new" / "result").write_text("text")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["result"]


def test_it_is_given_back_after_an_exception(tmp_path):
    for _ in range(2):
        with pytest.raises(KeyError), locked(tmp_path / "new"):
            raise KeyError
    assert not (tmp_path / "new").exists()


def test_another_process_is_refused_by_name(tmp_path, other):
    told = f"{tmp_path} is in use by process {other.pid} on {socket.gethostname()}: wait until it ends, or name another"
    with pytest.raises(ValueError, match=told), locked(tmp_path):
        pass
    assert owner(tmp_path)[0] == other.pid


def test_the_same_process_is_refused_too(tmp_path):
    with locked(tmp_path), pytest.raises(ValueError, match=f"in use by process {os.getpid()} "), locked(tmp_path):
        pass


def test_what_a_killed_process_left_is_taken_over(tmp_path, other):
    other.kill()
    other.wait()
    assert owner(tmp_path)[0] == other.pid
    with locked(tmp_path):
        assert owner(tmp_path)[0] == os.getpid()


@pytest.mark.skipif(sys.platform != "linux", reason="the system does not tell when a process began")
def test_another_process_of_the_same_number_is_not_the_owner(tmp_path):
    (tmp_path / FILE).write_text(f"{os.getppid()}\n{socket.gethostname()}\n17\n")
    with locked(tmp_path):
        pass


def test_another_host_is_refused_with_the_file_to_remove(tmp_path):
    (tmp_path / FILE).write_text("17\nelsewhere\n")
    told = f"in use by process 17 on elsewhere; if that has ended, remove {tmp_path / FILE}"
    with pytest.raises(ValueError, match=told), locked(tmp_path):
        pass
    (tmp_path / FILE).unlink()
    with locked(tmp_path):
        pass


@pytest.mark.parametrize("text", ["", "what is this?"])
def test_a_file_that_names_nobody_says_what_to_remove(tmp_path, text):
    (tmp_path / FILE).write_text(text)
    with pytest.raises(ValueError, match=f"if that has ended, remove {tmp_path / FILE}"), locked(tmp_path):
        pass


def test_a_lock_that_cannot_be_written_is_named_and_leaves_nothing(tmp_path):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, before[1]))
    try:
        with pytest.raises(OSError, match="File too large") as raised, locked(tmp_path / "new"):
            pass
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert raised.value.filename == str(tmp_path / "new" / FILE)
    assert not (tmp_path / "new").exists()


def test_of_many_at_once_one_gets_in(tmp_path):
    (tmp_path / FILE).write_text(f"{2**22 + 1}\n{socket.gethostname()}\n")  # stale: more than Linux counts to
    code = f"{HOLD}print(sys.stdin.read(1))\nwith locked(Path(sys.argv[1])): print('in'); sys.stdin.read()"
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    many = [subprocess.Popen([sys.executable, "-c", code, tmp_path], text=True, **pipes) for _ in range(5)]
    for one in many:
        one.stdin.write(".")
        one.stdin.flush()
    deadline = time.monotonic() + 60
    while sum(one.poll() is None for one in many) > 1 and time.monotonic() < deadline:
        time.sleep(0.01)
    told = [one.communicate()[1] for one in many]
    assert sorted(one.returncode for one in many) == [0, 1, 1, 1, 1]
    assert sum("is in use by " in text for text in told) == 4
