"""How torch's threads wait for each other, set before torch is loaded.

A thread that has finished its part of a matrix product spins until the others have finished, by default for up to
300,000 iterations. If other programs want the cores too, the unfinished threads then get none: beside three busy
processes on each core 32 lines took twice as long. A thread that sleeps at once must be woken for the next product,
some hundred of them per token: one line then takes more than twice as long on an idle machine. So threads spin for a
short while, and then sleep (all ours, two cores; `benchmarks/busy_neighbours.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

POLICY_VARIABLE = "OMP_WAIT_POLICY"  # of OpenMP 3.0 on; read once, when the library is loaded
SPIN_VARIABLE = "GOMP_SPINCOUNT"  # of GNU's library, in torch's wheels for Linux; overrides the policy
USER_SETTINGS = (POLICY_VARIABLE, SPIN_VARIABLE, "KMP_BLOCKTIME")  # settings by users of GNU's and LLVM's library
SHORT_SPIN = {POLICY_VARIABLE: "PASSIVE", SPIN_VARIABLE: "20000"}  # ours; iterations, about a millisecond


def limit_spinning(environment: MutableMapping[str, str]) -> None:
    """Make threads that torch starts later sleep after a short wait, unless the user chose otherwise."""
    if not any(name in environment for name in USER_SETTINGS):
        environment.update(SHORT_SPIN)


def spins_while_waiting(environment: Mapping[str, str]) -> bool:
    """Whether waiting threads spin, as far as the policy tells."""
    return environment.get(POLICY_VARIABLE, "").upper() == "ACTIVE"


def run_in_own_thread(work: Callable[[], T]) -> T:
    """Runs `work` in a thread of its own and returns the result.

    GNU's library keeps a team of threads for each living thread that has computed. If the teams have more threads than
    there are CPUs, all of them sleep at once, whatever was set, and a small product takes seven times as long. So work
    that computes once, before another thread does the main work, leaves no team.
    """
    with ThreadPoolExecutor(1) as executor:
        return executor.submit(work).result()
