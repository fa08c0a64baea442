"""Ctrl-C and SIGTERM as requests to stop, for work that is saved part by part."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from demiglace.training.distributed import ProcessGroup

FORWARDED_WITHIN_S = 1.0  # ours: a launcher may forward a signal that the terminal has also sent to its processes
STOPPING = "\nwhat is under way ends and is saved"
STOPPING_ALONE = f"{STOPPING}; Ctrl-C once more stops at once"  # torchrun forwards only the first


@contextmanager
def stop_signals(ranks: ProcessGroup, is_time: Callable[[], bool] = lambda: False) -> Iterator[Callable[[], bool]]:
    """A function that tells whether any process got a signal, or `is_time` is true in any; all must call it together.

    After the first signal the current work finishes. Another Ctrl-C, at least a second later, raises KeyboardInterrupt:
    the current work may be a step of many minutes, or wait for an unreachable server.
    """
    requested: float | None = None

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal requested
        now = time.monotonic()
        if requested is None:
            requested = now
            if ranks.is_first:
                _tell(STOPPING_ALONE if ranks.count == 1 else STOPPING)
        elif number == signal.SIGINT and now - requested >= FORWARDED_WITHIN_S:
            raise KeyboardInterrupt

    handlers = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: ranks.sum([float(requested is not None or is_time())])[0] > 0
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _tell(text: str) -> None:
    """Bypasses the buffer of stderr, which may be in the middle of a write: a second one in a signal handler raises."""
    with suppress(OSError, ValueError, AttributeError):  # closed, or not a file
        os.write(sys.stderr.fileno(), f"{text}\n".encode())
