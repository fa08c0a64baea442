"""How threads of torch wait for one another, chosen before torch is loaded.

A thread that has finished its part of a product keeps its core busy until the others have theirs, by default for up to
300,000 turns of a loop. Where other programs want the cores too, the others then get none: beside three busy processes
on each core 32 lines took twice as long for it. A thread that sleeps at once must be woken for the next product, some
hundred of them for a token: one line then takes more than twice as long on a quiet machine. So it waits for a short
while, and then sleeps (all ours, two cores; `benchmarks/busy_neighbours.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

POLICY = "OMP_WAIT_POLICY"  # of OpenMP 3.0 on; read once, when the library is loaded
SPINS = "GOMP_SPINCOUNT"  # of GNU's library, which torch's wheels for Linux carry; it goes before the policy
OWN_CHOICES = (POLICY, SPINS, "KMP_BLOCKTIME")  # by which users of GNU's and LLVM's library choose
BRIEFLY = {POLICY: "PASSIVE", SPINS: "20000"}  # ours; turns of the loop, about a millisecond


def wait_briefly(environment: MutableMapping[str, str]) -> None:
    """Threads that torch starts later sleep if they wait for long, unless the user chose otherwise."""
    if not any(name in environment for name in OWN_CHOICES):
        environment.update(BRIEFLY)


def waits_actively(environment: Mapping[str, str]) -> bool:
    """Whether waiting threads keep their cores busy, as far as the policy tells."""
    return environment.get(POLICY, "").upper() == "ACTIVE"


def in_passing(work: Callable[[], T]) -> T:
    """What `work` returns, from a thread that ends with it.

    GNU's library keeps a team of threads for each thread that has computed, while that lives. Where the teams have more
    threads than there are CPUs, all of them sleep at once, whatever was chosen, and a small product takes seven times
    as long. So what computes once, before another thread does for good, leaves no team.
    """
    with ThreadPoolExecutor(1) as executor:
        return executor.submit(work).result()
