"""The metrics of a step and where they are written: `metrics.jsonl`, the console, and optionally TensorBoard."""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import torch

from demiglace.safe_files import disk_errors, write_whole

Figures = dict[str, float]

FILE = "metrics.jsonl"
COUNT = "num_"  # figures with this prefix are counts per step, written as rates per second
WORDS = {
    "tokens_per_second": "tok/s",
    "visual_tokens_per_second": "vis/s",
    "flop_utilisation": "flops",
    "memory_gb": "GB",
    "seconds": "s",
}  # short forms of long names on the console


class Metrics:
    """Writes the metrics of one stage to its folder: a line for step 1 and for every `every`-th step.

    peak: floating-point operations a second that the machine can do (`flops.measure_peak`); None omits the utilisation
    from the metrics.
    """

    def __init__(
        self, folder: Path, stage: str, every: int, peak: float | None = None, tensorboard: bool = False
    ) -> None:
        self.path, self.stage, self.every, self.peak = folder / FILE, stage, every, peak
        self.open_writer = _tensorboard() if tensorboard else None
        self.writer: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self.writer is not None:
            self.writer.close()

    def add(self, step: int, figures: Figures) -> str:
        """Write the figures of a step if it is due; returns a line for the console, without figures of subsets, such as
        `reward/long`."""
        shown = derived(figures, self.peak)
        if step % self.every == 0 or step == 1:
            with disk_errors(self.path), self.path.open("a") as file:
                file.write(json.dumps({"stage": self.stage, "step": step, **shown}) + "\n")
            if self.writer is not None:
                for name, value in shown.items():
                    self.writer.add_scalar(f"{self.stage}/{name}", value, step)
        return "  ".join(f"{WORDS.get(name, name)} {value:.3g}" for name, value in shown.items() if "/" not in name)

    def resume_from(self, step: int) -> None:
        """Drop lines of later steps and an incomplete last line, so that the file reads as one run."""
        if self.open_writer is not None:
            self.writer = self.open_writer(str(self.path.parent), purge_step=step + 1)
        if not self.path.exists():
            return
        lines = [line for line in self.path.read_text().splitlines(keepends=True) if line.endswith("\n")]
        write_whole(self.path, "".join(line for line in lines if json.loads(line)["step"] <= step))


def derived(figures: Figures, peak: float | None) -> Figures:
    """Turns counts into rates over the step's `seconds`, and FLOPs into a share of the peak; adds the memory."""
    metrics: Figures = {}
    for name, value in figures.items():
        if not name.startswith(COUNT):
            metrics[name] = value
            continue
        rate = value / figures["seconds"]
        if name != "num_flops":
            metrics[f"{name.removeprefix(COUNT)}_per_second"] = rate
        elif peak:
            metrics["flop_utilisation"] = rate / peak
    return {**metrics, "memory_gb": memory() / 1e9}


def memory() -> int:
    """Peak memory of this process in bytes: on the GPU if it uses one, else resident."""
    if torch.cuda.is_available() and torch.cuda.max_memory_allocated():
        return torch.cuda.max_memory_allocated()
    kilo = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * kilo


def _tensorboard() -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ModuleNotFoundError as missing:
        raise ValueError(f"TensorBoard needs {missing.name}: pip install 'demiglace[tensorboard]'") from missing
    return SummaryWriter
