"""One architecture at work on many clips, in a process of its own that makes its weights once.

A job comes as JSON on stdin; for each row what it took goes out as a line of JSON, null where memory does not suffice.
Rows that would not end before the deadline, by the rate of those before them, are left out. For ours a last line has
where the time goes, and the forms of the resampler.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

import torch
from qwen3_vl import QWEN3_SIZES, qwen3_inputs, qwen3_model, qwen3_operations
from resampler_memory import memory
from torch import nn
from video_peers import (
    Outcome,
    Prepare,
    dtype_of,
    our_batch,
    our_model,
    our_preparation,
    reset_peak,
    their_model,
    their_preparation,
)
from video_rows import OURS, QWEN3, SIZES, THEIRS, Row, operations

from demiglace.engine.static_batch import MAX_PATCHES_PER_CHUNK
from demiglace.model.minicpmv import MiniCPMV
from demiglace.model.resampler import Resampler

ROOM = 1.5  # ours: a row begins only where so many times its expected seconds are left


@dataclass(frozen=True)
class ClipJob:
    """rows: of one architecture. deadline: by `time.time`. breakdown: the row whose parts are timed, of ours."""

    rows: list[Row]
    size: str
    device: str
    threads: int
    new_tokens: int
    deadline: float
    breakdown: Row | None


def expected(row: Row, size: str, new_tokens: int) -> float:
    """Operations, by formula."""
    if row.architecture == QWEN3:
        return qwen3_operations(row, QWEN3_SIZES[size](), new_tokens).total
    return operations(row, SIZES[size](), new_tokens).total


def preparation(architecture: str, size: str, device: str) -> tuple[Prepare, nn.Module]:
    if architecture == OURS:
        model: nn.Module = our_model(SIZES[size]().ours, device)
        return our_preparation(model, device), model
    if architecture == THEIRS:
        model = their_model(SIZES[size]().theirs, device)
        return their_preparation(model, device), model
    model = qwen3_model(QWEN3_SIZES[size](), device)
    return their_preparation(model, device, qwen3_inputs), model


def work(job: ClipJob, tell: Callable[[object], None]) -> None:
    """Rows in order, so that the first warm up for the others; the very first is computed twice."""
    torch.manual_seed(0)
    torch.set_num_threads(job.threads)
    prepare, model = preparation(job.rows[0].architecture, job.size, job.device)
    weights = sum(tensor.nbytes for tensor in (*model.parameters(), *model.buffers()))
    list(prepare(job.rows[0], 2)())
    rate = 0.0  # seconds of an operation
    for row in job.rows:
        cost = expected(row, job.size, job.new_tokens)
        if time.time() + ROOM * rate * cost > job.deadline:
            continue
        outcome = measure(row, prepare, weights, job)
        rate = rate if outcome is None else outcome.seconds / cost
        tell({"row": asdict(row), "outcome": None if outcome is None else asdict(outcome)})
    if job.breakdown is not None and isinstance(model, MiniCPMV):
        tell({"breakdown": breakdown(model, job.breakdown, job.device)})


def measure(row: Row, prepare: Prepare, weights: int, job: ClipJob) -> Outcome | None:
    """None where memory does not suffice."""
    gc.collect()
    if job.device == "cuda":
        torch.cuda.empty_cache()
    held = memory("VmRSS")
    try:
        answer = prepare(row, job.new_tokens)
        reset_peak(job.device)
        started, processor_started = time.perf_counter(), time.process_time()
        times = [time.perf_counter() - started for _ in answer()]
    except torch.OutOfMemoryError:
        return None
    processor_seconds = time.process_time() - processor_started
    peak = memory("VmHWM") - held + weights if job.device == "cpu" else torch.cuda.max_memory_allocated()
    return Outcome(row.prompt_tokens, times[0], times[-1], processor_seconds, peak)


@torch.inference_mode()
def breakdown(model: MiniCPMV, row: Row, device: str) -> dict[str, object]:
    """Seconds of the three parts of our prefill, and of both forms of the resampler; the second of two runs each."""
    batch = our_batch(row).to(device, dtype_of(device))
    visual = batch.visual
    assert visual is not None
    with torch.device(device):
        plain = Resampler(model.config.resampler).to(dtype_of(device))
    features = model.vpm(visual.patches, visual.grids, MAX_PATCHES_PER_CHUNK)
    rest = (features, visual.grids, visual.package_sizes, visual.ticks, MAX_PATCHES_PER_CHUNK)
    embeddings = model.place(batch, model.resampler(*rest).flatten(0, 1))
    parts = {
        "encoder": lambda: model.vpm(visual.patches, visual.grids, MAX_PATCHES_PER_CHUNK),
        "resampler": lambda: model.resampler(*rest),
        "decoder, prefill": lambda: model.llm(embeddings, batch.positions, batch.segments),
        "resampler, plain": lambda: plain(*rest),
    }
    return {"row": asdict(row), "seconds": {name: seconds_of(part, device) for name, part in parts.items()}}


def seconds_of(part: Callable[[], object], device: str) -> float:
    for _ in range(2):
        began = time.perf_counter()
        part()
        if device == "cuda":
            torch.cuda.synchronize()
        seconds = time.perf_counter() - began
    return seconds


def main() -> None:
    told = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints must not come between
    fields = json.load(sys.stdin)
    rows = [Row(**row) for row in fields.pop("rows")]
    breakdown_row = fields.pop("breakdown")
    job = ClipJob(rows=rows, breakdown=None if breakdown_row is None else Row(**breakdown_row), **fields)

    def tell(line: object) -> None:
        told.write(json.dumps(line) + "\n")
        told.flush()

    work(job, tell)
    told.close()


if __name__ == "__main__":
    main()
