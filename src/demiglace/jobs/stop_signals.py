"""Ctrl-C and SIGTERM as a wish to stop, for work that is saved part by part."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from demiglace.training.distributed import ProcessGroup


@contextmanager
def stop_signals(ranks: ProcessGroup) -> Iterator[Callable[[], bool]]:
    """A function that says whether a signal has reached any process; all must ask it together."""
    stopping = False

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True

    handlers = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: ranks.sum([float(stopping)])[0] > 0
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
