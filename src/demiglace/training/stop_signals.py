"""Ctrl-C and SIGTERM as a wish to stop, for work that is saved part by part."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from demiglace.training.distributed import ProcessGroup

SOON_S = 1.0  # ours: a launcher may pass on what the terminal has sent to its processes too
TOLD = "\nwhat is under way ends and is saved"
TOLD_ALONE = f"{TOLD}; Ctrl-C once more stops at once"  # torchrun passes on the first alone


@contextmanager
def stop_signals(ranks: ProcessGroup, is_time: Callable[[], bool] = lambda: False) -> Iterator[Callable[[], bool]]:
    """A function that says whether a signal has reached any process, or `is_time` in any; all must ask it together.

    The first signal lets what is under way end. Ctrl-C again, a second later or more, raises KeyboardInterrupt: what is
    under way may be a step of many minutes, or wait for a server that is away.
    """
    asked: float | None = None

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        now = time.monotonic()
        if asked is None:
            asked = now
            if ranks.is_first:
                _tell(TOLD_ALONE if ranks.count == 1 else TOLD)
        elif number == signal.SIGINT and now - asked >= SOON_S:
            raise KeyboardInterrupt

    handlers = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: ranks.sum([float(asked is not None or is_time())])[0] > 0
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _tell(text: str) -> None:
    """Past the buffer of stderr, which may be in the middle of a write: a second one from a signal raises an error."""
    with suppress(OSError, ValueError, AttributeError):  # closed, or not a file
        os.write(sys.stderr.fileno(), f"{text}\n".encode())
