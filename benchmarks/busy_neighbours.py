"""Requests beside a process on each core that never rests, with and without threads that sleep while they wait.

`measured` starts this file anew for each way, as the policy is read when torch is loaded. Run so, it answers the same
requests several times and prints the seconds of each time as a JSON list.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median

ROWS, TOKENS = 32, 64  # as in `engine.py`
SPINNING = "import os, sys\nos.sched_setaffinity(0, {int(sys.argv[1])})\nwhile True: pass"
WAYS = {"sleeping while waiting": "PASSIVE", "as torch waits": None}  # the first is what the command line chooses


def measured(rounds: int) -> dict[str, float]:
    """Requests a second of each way on a quiet machine and beside the others, and which share of the one is kept."""
    rates: dict[str, float] = {}
    for name, policy in WAYS.items():
        quiet = ROWS / _seconds(policy, rounds)
        with _neighbours():
            busy = ROWS / _seconds(policy, rounds)
        rates |= {f"{name}, quiet": quiet, f"{name}, busy": busy, f"{name}, share": busy / quiet}
    return rates


def _seconds(policy: str | None, rounds: int) -> float:
    environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    if policy is not None:
        environment["OMP_WAIT_POLICY"] = policy
    command = [sys.executable, __file__, str(rounds)]
    output = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    return median(json.loads(output.splitlines()[-1]))


@contextmanager
def _neighbours() -> Iterator[None]:
    """One on each core that this process may use."""
    started = [subprocess.Popen([sys.executable, "-c", SPINNING, str(core)]) for core in os.sched_getaffinity(0)]
    try:
        yield
    finally:
        for process in started:
            process.kill()
            process.wait()


def _answer(rounds: int) -> list[float]:
    from prepared_requests import Requests
    from reading_sets import Skipped, rendered_lines

    from demiglace import Demiglace
    from demiglace.conversation import Image

    lines = rendered_lines(ROWS, "clean")
    assert not isinstance(lines, Skipped)
    assistant = Demiglace.load(device="cpu", dtype="float32")
    requests = Requests.asked(assistant, [[Image(picture)] for picture in lines.pictures], TOKENS)
    requests.seconds_in_engine()
    return [requests.seconds_in_engine() for _ in range(rounds)]


if __name__ == "__main__":
    print(json.dumps(_answer(int(sys.argv[1]))))
