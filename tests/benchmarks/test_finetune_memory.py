"""The memory of a dry run against a measured peak, by how both grow with the length of a row."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from finetune_memory import measure


@pytest.mark.slow
@pytest.mark.parametrize("method", ["full", "lora"])
def test_the_peak_grows_as_predicted(method):
    short, long = (measure(method, length) for length in (512, 2048))
    grown, predicted = (long[name] - short[name] for name in ("peak", "predicted"))
    assert predicted / 2 < grown < predicted * 2  # seen: 1.2 times as much in full, 1.7 with adapters
