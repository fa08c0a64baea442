"""Benchmarks in a folder of results that earlier commands asked."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from demiglace.evaluation.backends.backend import Backend
from demiglace.evaluation.benchmark import Benchmark
from demiglace.evaluation.benchmark_names import BENCHMARKS
from demiglace.evaluation.evaluate import MOST_BYTES, SETTINGS
from demiglace.evaluation.prediction import PREDICTIONS
from demiglace.safe_files import read_object


def answered_before(out: Path, besides: Collection[str]) -> list[Benchmark]:
    """Benchmarks with predictions in `out`, except those named in `besides`."""
    return [
        benchmark
        for name, benchmark in BENCHMARKS.items()
        if name not in besides and (out / name / PREDICTIONS).is_file()
    ]


def check_same_model(folder: Path, backend: Backend) -> None:
    """ValueError if the predictions in `folder` are from another model or other weights."""
    held = read_object(folder / SETTINGS, MOST_BYTES)
    for name, now in (("weights", backend.weights), ("model", backend.name)):
        if held.get(name) != now:
            raise ValueError(f"{'other weights' if name == 'weights' else 'another model'} answered it")
