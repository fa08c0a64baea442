"""The job `check`: the tests marked `gpu`, which compare a GPU with the CPU."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

from order import Order
from results_file import machine_here, versions_here, write_result

ROOT = Path(__file__).parents[1]
WHY_NO_WEIGHTS = "random weights: what is compared does not depend on what they have learned"


def run(order: Order) -> bool:
    """ValueError where a test fails, or time runs out."""
    order.out.mkdir(parents=True, exist_ok=True)
    told = order.out / "tests.xml"
    command = [sys.executable, "-m", "pytest", "-q", "-m", "gpu", "--device", order.device.type, f"--junitxml={told}"]
    command += ["-p", "no:cacheprovider", "tests/gpu"]
    try:
        done = subprocess.run(command, cwd=ROOT, timeout=max(1.0, order.seconds_left), check=False)
    except subprocess.TimeoutExpired:
        raise ValueError("check did not end in time: give it more by --minutes") from None
    outcomes = outcomes_of(told)
    machine = machine_here(order.device.type, "float32 and bfloat16")
    write_result(order.out / "check.json", {"tests": outcomes}, WHY_NO_WEIGHTS, machine, versions_here())
    if done.returncode:
        failed = [name for name, outcome in outcomes.items() if outcome == "failed"]
        raise ValueError(f"{len(failed)} of {len(outcomes)} tests fail: {', '.join(failed)}")
    return True


def outcomes_of(told: Path) -> dict[str, str]:
    """Test -> passed, failed or skipped."""
    cases = ElementTree.parse(told).getroot().iter("testcase")
    words = {"failure": "failed", "error": "failed", "skipped": "skipped"}
    return {case.attrib["name"]: next((words[one.tag] for one in case if one.tag in words), "passed") for case in cases}
