"""What a server holds: files, threads, processes, temporary files, memory, and blocks of answers under way."""

from __future__ import annotations

import re
import time
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import httpx
import psutil

SETTLED_S = 20
IDLE_S = 3  # by then a server has given back what it does not need


@dataclass(frozen=True)
class ServerState:
    """memory: bytes of its first process; worker_memory: of those it started."""

    open_files: int
    threads: int
    processes: int
    temporary_files: int
    running_requests: int
    waiting_requests: int
    held_blocks: int
    memory: int = 0
    worker_memory: int = 0

    @classmethod
    def of(cls, address: str, pid: int, temporary: Path) -> ServerState:
        """By its process and its own metrics. temporary: the folder of its temporary files."""
        process, metrics = psutil.Process(pid), httpx.get(f"{address}/metrics", timeout=60).text
        workers = process.children(recursive=True)
        return cls(
            process.num_fds(),
            process.num_threads(),
            1 + len(workers),
            sum(1 for _ in temporary.rglob("*")),
            *(_gauge(metrics, name) for name in ("running_requests", "waiting_requests", "held_blocks")),
            process.memory_info().rss,
            sum(one.memory_info().rss for one in workers),
        )

    def lost_since(self, before: ServerState) -> list[str]:
        """A line for each thing of which there is more than before; memory aside."""
        names = [field.name for field in fields(self) if not field.name.endswith("memory")]
        now, then = asdict(self), asdict(before)
        return [f"{name}: {then[name]} before, {now[name]} after" for name in names if now[name] > then[name]]


def settled(address: str, pid: int, temporary: Path, before: ServerState | None = None) -> ServerState:
    """The state once nothing has been under way for a while, and once nothing is lost since `before`, or at last."""
    latest = time.monotonic() + SETTLED_S
    time.sleep(IDLE_S)
    while True:
        state = ServerState.of(address, pid, temporary)
        is_idle = not (state.running_requests or state.waiting_requests or state.held_blocks)
        if (is_idle and not (before and state.lost_since(before))) or time.monotonic() > latest:
            return state
        time.sleep(0.2)


def _gauge(metrics: str, name: str) -> int:
    found = re.search(rf"^demiglace_{name} (\S+)$", metrics, re.MULTILINE)
    if found is None:
        raise ValueError(f"the server tells no {name}")
    return int(float(found[1]))
