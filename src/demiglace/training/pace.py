"""How a run keeps time: its deadline, how often it saves, and how often it waits for the device."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Pace:
    """deadline: by `time.monotonic`, where a stage stops with everything saved, as on a signal.

    save_seconds: between checkpoints at most, besides those that a stage makes by its steps.
    read_every: steps between two readings of their figures. The host waits for the device then and in no other step, so
    that a loss that is not finite is found up to so many steps later, but always before a checkpoint.
    """

    deadline: float = math.inf
    save_seconds: float = math.inf
    read_every: int = 1

    @property
    def seconds_left(self) -> float:
        return self.deadline - time.monotonic()


UNTIMED = Pace()
