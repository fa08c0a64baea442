"""The memory of a dry run against a measured peak, by how both grow with the length of a row."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from finetune_memory import measure


@pytest.mark.slow
@pytest.mark.parametrize("method", ["full", "lora"])
def test_the_peak_grows_as_predicted(method, monkeypatch):
    # glibc keeps what is freed below a threshold that it raises by itself. With what it keeps, the peak grows by 1.2
    # times what is predicted in full and by 1.8 times with adapters; with a fixed threshold by 1.00 and 1.00.
    monkeypatch.setenv("MALLOC_MMAP_THRESHOLD_", "65536")
    short, long = (measure(method, length) for length in (512, 2048))
    grown, predicted = (long[name] - short[name] for name in ("peak", "predicted"))
    assert grown == pytest.approx(predicted, rel=0.1)
