"""Worker processes for samples: they end when their parent ends them or has died, and ignore other signals.

Ctrl-C, and signals from `timeout`, SLURM or Kubernetes, reach all processes of a group. The trainer then saves; a
worker killed by the same signal, perhaps in the middle of a transfer, would leave the trainer waiting.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import parent_process
from multiprocessing.connection import wait


@contextmanager
def signals_blocked() -> Iterator[None]:
    """Processes started in this block have signals blocked until they call `follow_parent`."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def follow_parent() -> None:
    """To be called first in a process that was started under `signals_blocked`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "sigwaitinfo"):
        threading.Thread(target=_end_by_the_parents_word, daemon=True).start()
    else:  # macOS does not report who sent a signal
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    threading.Thread(target=_end_with_the_parent, daemon=True).start()


def _end_by_the_parents_word() -> None:
    """Ends on SIGTERM from the parent: a pool in which one process has died ends the others so, and waits for them."""
    while signal.sigwaitinfo({signal.SIGTERM}).si_pid != os.getppid():
        pass
    os._exit(1)


def _end_with_the_parent() -> None:
    """Ends when the parent has died: a killed trainer cannot end its workers, and they would wait for ever."""
    parent = parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)
