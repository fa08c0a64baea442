"""One architecture at work on clips, in a process of its own that makes its weights once.

This file, run as a program, is that process. A job comes as JSON on stdin; for each row what it took goes out as a line
of JSON, null where memory does not suffice. Rows that would not end before the deadline, by the rate of those before
them, are left out. Where it is asked for, a last line has where our time goes, and the forms of the resampler.
"""

from __future__ import annotations

import gc
import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from qwen_models import qwen3_config, qwen3_inputs, qwen25_config, qwen25_inputs, qwen_model, qwen_preparation
from resampler_memory import memory
from torch import nn
from video_models import Prepare, dtype_of, our_batch, our_model, our_preparation
from video_operations import operations
from video_rows import OURS, QWEN25, Row, rows_of
from video_sizes import SIZES

from demiglace.engine.static_batch import MAX_PATCHES_PER_CHUNK
from demiglace.model.minicpmv import MiniCPMV
from demiglace.model.resampler import Resampler

ROOM = 1.5  # ours: a row begins only where so many times its expected seconds are left


@dataclass(frozen=True)
class ClipJob:
    """rows: of one architecture. size: of `SIZES`. device: "cpu" (float32) or "cuda" (bfloat16). deadline: by
    `time.time`. breakdown: the row whose parts are timed, of ours."""

    rows: list[Row]
    size: str
    device: str
    threads: int
    new_tokens: int
    deadline: float = math.inf
    breakdown: Row | None = None


@dataclass(frozen=True)
class Outcome:
    """What an answer took.

    seconds_to_first_token, seconds: from patches to the first and to the last new token.
    processor_seconds: of all threads, on a GPU of those that drive it.
    peak_bytes: weights, inputs and the most that the answer needed besides; interpreter and libraries left out.
    """

    prompt_tokens: int
    seconds_to_first_token: float
    seconds: float
    processor_seconds: float
    peak_bytes: int


def lines_of(job: ClipJob) -> Iterator[dict]:
    """What a new process tells, as it comes; RuntimeError where it fails."""
    command = [sys.executable, str(Path(__file__))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdin is not None
        assert worker.stdout is not None
        worker.stdin.write(json.dumps(asdict(job)))
        worker.stdin.close()
        yield from map(json.loads, worker.stdout)
    if worker.returncode != 0:
        first = job.rows[0]
        raise RuntimeError(f"{first.architecture}, {first.clip_seconds:g} s: status {worker.returncode}")


def preparation(architecture: str, size: str, device: str) -> tuple[Prepare, nn.Module]:
    shapes = SIZES[size]()
    if architecture == OURS:
        ours = our_model(shapes.ours, device)
        return our_preparation(ours, device), ours
    is_older = architecture == QWEN25
    model = qwen_model(qwen25_config(shapes.qwen25) if is_older else qwen3_config(shapes.qwen3), device)
    return qwen_preparation(model, device, qwen25_inputs if is_older else qwen3_inputs), model


def work(job: ClipJob, tell: Callable[[object], None]) -> None:
    """A clip of a second warms up and is not counted."""
    torch.manual_seed(0)
    torch.set_num_threads(job.threads)
    architecture = job.rows[0].architecture
    prepare, model = preparation(architecture, job.size, job.device)
    weights = sum(tensor.nbytes for tensor in (*model.parameters(), *model.buffers()))
    warm_up = next(row for row in rows_of(1.0) if row.architecture == architecture)
    list(prepare(warm_up, 2)())
    rate = 0.0  # seconds of an operation
    for row in job.rows:
        cost = operations(row, SIZES[job.size](), job.new_tokens).total
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


def reset_peak(device: str) -> None:
    if device == "cpu":
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
    else:
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()


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
    embeddings = model.merge_visual_tokens(batch, model.resampler(*rest).flatten(0, 1))
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
