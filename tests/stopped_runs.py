"""Runs that a signal seems to reach at a chosen moment."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from itertools import count

STOP_SIGNALS = "demiglace.training.trainer.stop_signals"  # what is replaced


def stops_at(number: int) -> Callable[..., AbstractContextManager[Callable[[], bool]]]:
    """In place of `stop_signals`: question `number` whether to stop, counted over all stages, is answered yes."""
    asked = count()
    return lambda *_: nullcontext(lambda: next(asked) == number)
