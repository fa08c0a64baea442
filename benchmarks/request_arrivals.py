"""Requests that arrive at random times: how long each waits for its first token."""

from __future__ import annotations

import time
from collections.abc import Mapping

import numpy as np
from prepared_requests import Requests, checked

from demiglace.engine.engine import Engine

Waits = Mapping[int, float]  # seconds to the first token, by request


def arrivals(count: int, rate: float, seed: int) -> np.ndarray:
    """float64 (count,), seconds: a Poisson process of `rate` requests a second."""
    return np.random.default_rng(seed).exponential(1 / rate, count).cumsum()


def waits_in_engine(requests: Requests, times: np.ndarray) -> Waits:
    """Each request joins at the step after its arrival."""
    engine = Engine(requests.assistant.model)
    clock, number_of, waits = _Clock(), dict[int, int](), dict[int, float]()
    coming = 0
    while coming < len(times) or not engine.is_idle:
        if engine.is_idle:
            clock.wait_until(times[coming])
        while coming < len(times) and times[coming] <= clock.now():
            number_of[requests.add_to(engine, coming)] = coming
            coming += 1
        for step in checked(engine.step()):
            request = number_of[step.row]
            waits.setdefault(request, clock.now() - times[request])
    return waits


def waits_in_batches(requests: Requests, times: np.ndarray, rows: int) -> Waits:
    """Those that wait, at most `rows`, begin together once the last ones have ended together."""
    clock, waits, coming = _Clock(), dict[int, float](), 0
    while coming < len(times):
        clock.wait_until(times[coming])
        arrived = int(np.searchsorted(times, clock.now(), side="right"))
        numbers = range(coming, min(arrived, coming + rows))
        for step in requests.together(numbers):
            request = numbers[step.row]
            waits.setdefault(request, clock.now() - times[request])
        coming = numbers.stop
    return waits


def full_rate(requests: Requests, rows: int) -> float:
    """Requests a second of batches of `rows` that are always full."""
    began, count = time.perf_counter(), len(requests.samples)
    for start in range(0, count, rows):
        for _ in requests.together(range(start, min(start + rows, count))):
            pass
    return count / (time.perf_counter() - began)


class _Clock:
    """Seconds since it was made."""

    def __init__(self) -> None:
        self._began = time.perf_counter()

    def now(self) -> float:
        return time.perf_counter() - self._began

    def wait_until(self, moment: float) -> None:
        time.sleep(max(0.0, moment - self.now()))
