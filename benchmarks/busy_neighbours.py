"""Requests beside a process on each core that never rests, by how long threads wait before they sleep.

`measured` starts this file anew for each way, as the policy is read when torch is loaded. Run so, it answers the same
requests several times and prints the seconds of each time as a JSON list.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from statistics import median

from demiglace.cli.openmp_threads import POLICY_VARIABLE, SHORT_SPIN, USER_SETTINGS

ROWS, TOKENS = 32, 64  # as in `engine.py`
BESIDE = (0, 1, 3)  # processes on each core
SPINNING = "import os, sys\nos.sched_setaffinity(0, {int(sys.argv[1])})\nwhile True: pass"
WAYS: dict[str, dict[str, str]] = {
    "waiting briefly": SHORT_SPIN,
    "sleeping at once": {POLICY_VARIABLE: "PASSIVE"},
    "as torch waits": {},
}


def measured(rounds: int) -> dict[str, float]:
    """Of each way: lines a second beside busy processes, the share that one a core leaves, and seconds of one line."""
    figures: dict[str, float] = {}
    for name, choice in WAYS.items():
        for beside in BESIDE:
            with _neighbours(beside):
                lines, one = _medians(choice, rounds)
            figures[f"{name}, {beside} beside"] = ROWS / lines
            if not beside:
                figures[f"{name}, seconds of one line"] = one
        figures[f"{name}, share"] = figures[f"{name}, 1 beside"] / figures[f"{name}, 0 beside"]
    return figures


def _medians(choice: Mapping[str, str], rounds: int) -> tuple[float, float]:
    """Seconds of all lines, and of one."""
    environment = {name: value for name, value in os.environ.items() if name not in USER_SETTINGS} | choice
    command = [sys.executable, __file__, str(rounds)]
    output = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    lines, one = json.loads(output.splitlines()[-1])
    return median(lines), median(one)


@contextmanager
def _neighbours(count: int) -> Iterator[None]:
    """So many on each core that this process may use."""
    cores = sorted(os.sched_getaffinity(0)) * count
    started = [subprocess.Popen([sys.executable, "-c", SPINNING, str(core)]) for core in cores]
    try:
        yield
    finally:
        for process in started:
            process.kill()
            process.wait()


def _answer(rounds: int) -> list[list[float]]:
    from prepared_requests import Requests
    from reading_sets import Skipped, rendered_lines

    from demiglace import Demiglace
    from demiglace.conversation import Image

    lines = rendered_lines(ROWS, "clean")
    assert not isinstance(lines, Skipped)
    assistant = Demiglace.load(device="cpu", dtype="float32")
    found = []
    for count in (ROWS, 1):
        requests = Requests.asked(assistant, [[Image(picture)] for picture in lines.pictures[:count]], TOKENS)
        requests.seconds_in_engine()
        found.append([requests.seconds_in_engine() for _ in range(rounds)])
    return found


if __name__ == "__main__":
    print(json.dumps(_answer(int(sys.argv[1]))))
