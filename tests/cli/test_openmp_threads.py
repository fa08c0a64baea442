"""Threads wait briefly unless the user chose; the choice reaches the library that torch loads."""

import os
import subprocess
import sys
import threading

import pytest

from demiglace.cli.openmp_threads import USER_SETTINGS, limit_spinning, run_in_own_thread, spins_while_waiting


def test_threads_wait_briefly_by_default():
    environment: dict[str, str] = {}
    limit_spinning(environment)
    assert environment == {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "20000"}
    assert not spins_while_waiting(environment)


@pytest.mark.parametrize("name", USER_SETTINGS)
def test_what_the_user_chose_stays(name):
    environment = {name: "active"}
    limit_spinning(environment)
    assert environment == {name: "active"}
    assert spins_while_waiting(environment) == (name == "OMP_WAIT_POLICY")


@pytest.mark.parametrize(
    ("chosen", "seen", "turns"), [({}, "PASSIVE", 20000), ({"OMP_WAIT_POLICY": "ACTIVE"}, "ACTIVE", None)]
)
def test_the_command_line_chooses_before_torch_is_loaded(chosen, seen, turns):
    """The library itself tells what it goes by when it is loaded."""
    inherited = {name: value for name, value in os.environ.items() if name not in USER_SETTINGS}
    environment = {**inherited, **chosen, "OMP_DISPLAY_ENV": "VERBOSE"}
    ran = subprocess.run(
        [sys.executable, "-m", "demiglace", "doctor", "--json"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    if "OMP_WAIT_POLICY" not in ran.stderr:
        pytest.skip("torch's OpenMP library does not tell its policy")
    assert f"OMP_WAIT_POLICY = '{seen}'" in ran.stderr
    if turns is not None and "GOMP_SPINCOUNT" in ran.stderr:
        assert f"GOMP_SPINCOUNT = '{turns}'" in ran.stderr
    assert ("waiting actively" in ran.stdout) == (seen == "ACTIVE")


def test_what_computes_in_passing_leaves_no_thread():
    before = set(threading.enumerate())
    assert run_in_own_thread(threading.current_thread) not in before
    with pytest.raises(ValueError, match="no model"):
        run_in_own_thread(lambda: (_ for _ in ()).throw(ValueError("no model")))
    assert set(threading.enumerate()) == before
