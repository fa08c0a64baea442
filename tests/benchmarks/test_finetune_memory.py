"""The memory that a dry run announces against measured peaks of the process: one now, all of the last benchmark."""

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from finetune_memory import CASES, FITTED, RESULTS, measure


@pytest.mark.slow
def test_the_peak_is_near_what_is_predicted():
    found = measure(*CASES["lora 1024"])
    assert found["predicted"] == pytest.approx(found["peak"], rel=0.15)


def test_what_was_measured_lies_within_15_percent():
    told = json.loads(RESULTS.read_text())["mebibytes"]
    assert set(FITTED) < told.keys() <= CASES.keys()
    for name, figures in told.items():
        assert figures["predicted"] == pytest.approx(figures["peak"], rel=0.15), name
        assert figures["fitted"] == (name in FITTED)
