"""Memory that nothing needs, given back to the system."""

from __future__ import annotations

import ctypes
import gc
import sys


def give_back() -> None:
    """Collect what only cycles hold, such as errors with their traces, and return what the C library keeps for later.

    glibc alone keeps it, and alone has a call for that.
    """
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)
