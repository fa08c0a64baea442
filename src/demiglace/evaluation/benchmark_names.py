"""All benchmarks by name."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from demiglace.evaluation.benchmark import Benchmark
from demiglace.evaluation.benchmarks.choice import CHOICE
from demiglace.evaluation.benchmarks.documents import DOCUMENTS
from demiglace.evaluation.benchmarks.drawn import DRAWN
from demiglace.evaluation.benchmarks.hallucination import HALLUCINATION
from demiglace.evaluation.benchmarks.instructions import INSTRUCTIONS
from demiglace.evaluation.benchmarks.judged import JUDGED
from demiglace.evaluation.benchmarks.mathematics import MATHEMATICS
from demiglace.evaluation.benchmarks.objects import OBJECTS
from demiglace.evaluation.benchmarks.reading import READING
from demiglace.evaluation.benchmarks.video import VIDEO

BENCHMARKS: Mapping[str, Benchmark] = {
    benchmark.name: benchmark
    for benchmark in (
        *(*DRAWN, *READING, *CHOICE, *MATHEMATICS, *DOCUMENTS, *HALLUCINATION),
        *(*OBJECTS, *INSTRUCTIONS, *JUDGED, *VIDEO),
    )
}


def benchmark_named(name: str) -> Benchmark:
    """A benchmark by name, ignoring case and punctuation; ValueError that lists similar names, or else all."""
    plain = {_plain(known): benchmark for known, benchmark in BENCHMARKS.items()}
    if _plain(name) in plain:
        return plain[_plain(name)]
    near = [plain[match].name for match in difflib.get_close_matches(_plain(name), plain, n=3)]
    hint = f"similar: {', '.join(near)}" if near else f"choose from {', '.join(BENCHMARKS)}"
    raise ValueError(f"unknown benchmark {name!r}; {hint}")


def _plain(name: str) -> str:
    return "".join(filter(str.isalnum, name.casefold()))
