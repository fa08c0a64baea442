"""Timing of a run: its deadline, how often it saves, and how often it waits for the device."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Pace:
    """deadline: the time (`time.monotonic`) at which a stage saves everything and stops, as on a signal.

    save_seconds: longest time between checkpoints, in addition to those at fixed steps.
    read_every: steps between two readings of the figures. Only then does the host wait for the device, so a non-finite
    loss is found up to so many steps late, but always before a checkpoint.
    """

    deadline: float = math.inf
    save_seconds: float = math.inf
    read_every: int = 1

    @property
    def seconds_left(self) -> float:
        return self.deadline - time.monotonic()


UNTIMED = Pace()
