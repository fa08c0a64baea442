"""What a job is told: where it runs, until when, and where it leaves what it makes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch


@dataclass(frozen=True)
class Order:
    """tiny: a few steps of small models, as on a CPU.

    deadline: by `time.monotonic`. folder: of the run, to go on from. out: what comes out, in few files of bounded size.
    preset: of the model that is trained. log: gets messages for the terminal.
    """

    job: str
    tiny: bool
    device: torch.device
    deadline: float
    folder: Path
    out: Path
    preset: str
    log: Callable[[str], None]

    @property
    def seconds_left(self) -> float:
        return self.deadline - time.monotonic()

    @property
    def dtype(self) -> torch.dtype:
        return torch.bfloat16 if self.device.type == "cuda" else torch.float32
