"""Returning unused memory to the system."""

from __future__ import annotations

import ctypes
import gc
import sys


def give_back() -> None:
    """Collect reference cycles, such as errors with tracebacks, and return memory that the C library has cached. Only
    glibc caches it, and only glibc has a call for this.
    """
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)
