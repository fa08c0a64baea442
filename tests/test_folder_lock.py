"""One process at a time in a folder: who is in it is named, and what a killed one left is no obstacle."""

import errno
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from demiglace.folder_lock import FILE, _started, locked

HOLD = "import sys, time; from pathlib import Path; from demiglace.folder_lock import locked\n"
WAIT = f"{HOLD}with locked(Path(sys.argv[1])): print('in', flush=True); time.sleep(float(sys.argv[2]))"


@pytest.fixture(params=["flock", "no flock"])
def file_system(request, monkeypatch):
    """With locks of the kernel, and without, as on Lustre and some network file systems."""

    def refuse(handle, kind):
        raise OSError(errno.ENOSYS, "Function not implemented")

    if request.param == "no flock":
        monkeypatch.setattr(fcntl, "flock", refuse)


@pytest.fixture
def other(tmp_path):
    """Another process in the folder."""
    child = subprocess.Popen([sys.executable, "-c", WAIT, tmp_path, "60"], stdout=subprocess.PIPE, text=True)
    assert child.stdout.readline() == "in\n"
    yield child
    child.kill()
    child.wait()


def write(folder, process, started, host):
    (folder / FILE).write_text(json.dumps({"process": process, "started": started, "host": host}))


def test_the_file_names_the_owner_and_goes_with_it(tmp_path, file_system):
    with locked(tmp_path / "new"):
        held = json.loads((tmp_path / "new" / FILE).read_text())
        assert (held["process"], held["host"]) == (os.getpid(), socket.gethostname())
        (tmp_path / "new" / "result").write_text("text")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["result"]


def test_it_is_given_back_after_an_exception(tmp_path, file_system):
    for _ in range(2):
        with pytest.raises(KeyError), locked(tmp_path / "new"):
            raise KeyError
    assert not (tmp_path / "new").exists()


def test_another_process_is_refused_by_name(tmp_path, other, file_system):
    told = f"{tmp_path} is in use by process {other.pid} on {socket.gethostname()}: wait until it ends, or name another"
    with pytest.raises(ValueError, match=told), locked(tmp_path):
        pass
    assert json.loads((tmp_path / FILE).read_text())["process"] == other.pid


def test_the_same_process_is_refused_too(tmp_path, file_system):
    with locked(tmp_path), pytest.raises(ValueError, match=f"in use by process {os.getpid()} "), locked(tmp_path):
        pass


def test_what_a_killed_process_left_is_taken_over(tmp_path, other, file_system):
    other.send_signal(signal.SIGKILL)
    while _started(other.pid) is not None:  # until then a zombie
        time.sleep(0.01)
    assert (tmp_path / FILE).exists()
    with locked(tmp_path):
        assert json.loads((tmp_path / FILE).read_text())["process"] == os.getpid()


@pytest.mark.skipif(not _started(os.getpid()), reason="the system does not tell when a process began")
def test_another_process_of_the_same_number_is_not_the_owner(tmp_path, file_system):
    write(tmp_path, os.getppid(), "an earlier boot 17", socket.gethostname())
    with locked(tmp_path):
        pass


def test_another_host_is_refused_with_the_file_to_remove(tmp_path, file_system):
    write(tmp_path, 17, "", "elsewhere")
    told = f"in use by process 17 on elsewhere; if that has ended, remove {tmp_path / FILE}"
    with pytest.raises(ValueError, match=told), locked(tmp_path):
        pass
    (tmp_path / FILE).unlink()
    with locked(tmp_path):
        pass


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"process": null}', "[" * 4096, f'{{"process": {"9" * 400}}}'])
def test_a_file_that_names_nobody_is_no_lock(tmp_path, text):
    (tmp_path / FILE).write_text(text)
    with locked(tmp_path):
        pass


def test_of_many_at_once_one_gets_in(tmp_path):
    write(tmp_path, 2**22 + 1, "", socket.gethostname())  # stale: more than Linux counts to
    code = f"{HOLD}print(sys.stdin.read(1))\nwith locked(Path(sys.argv[1])): sys.stdin.read()"
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
    assert sum("is in use by process" in text for text in told) == 4
