"""How threads of torch wait for one another, chosen before torch is loaded.

By default a thread that has finished its part of a product keeps its core busy until the others have theirs. Where
other programs want the cores too, the others then get none: reading two pages beside a busy process took 450 s
instead of 69 s. Threads that sleep while they wait cost about a tenth on a quiet machine (ours, two cores).
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping

POLICY = "OMP_WAIT_POLICY"  # of OpenMP 3.0 on; read once, when the library is loaded
OWN_CHOICES = (POLICY, "GOMP_SPINCOUNT", "KMP_BLOCKTIME")  # by which users of GNU's and LLVM's library choose


def wait_passively(environment: MutableMapping[str, str]) -> None:
    """Threads that torch starts later sleep while they wait, unless the user chose otherwise."""
    if not any(name in environment for name in OWN_CHOICES):
        environment[POLICY] = "PASSIVE"


def waits_actively(environment: Mapping[str, str]) -> bool:
    """Whether waiting threads keep their cores busy, as far as the policy tells."""
    return environment.get(POLICY, "").upper() == "ACTIVE"
