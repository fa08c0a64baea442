"""A soak: a real server, many clients, requests of all kinds, and clients that read slowly, leave or are killed.

    python benchmarks/soak.py [--requests 1000] [--clients 16] [--model FOLDER] [--out FILE]

Every answer must be the one that is given alone. After a first part that does not count, the server must come back to
what it held: no file, thread, process, temporary file or block more, and its memory within 5 %. The exit status is 1
where it does not. Needs the extras `serve` and `eval`.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from asked_cases import cases
from mixed_requests import alone, mixed
from results_file import machine_here, weights_of, write_result
from server_process import ours, running
from server_state import settled

RESULT = Path(__file__).parent / "results" / "soak.json"
SEED = 18
WARM = 4  # one request in so many is sent before memory is looked at first
MEMORY_SHARE = 0.05  # it may have grown by
OPTIONS = ("--kv-memory", "0.125", "--max-batch", "12", "--max-queue", "64", "--decode-seconds", "20")


def soak(address: str, pid: int, temporary: Path, num_requests: int, num_clients: int) -> dict[str, Any]:
    """What was sent, what differed, and what the server held before and after."""
    asked = cases()
    expected = asyncio.run(alone(address, asked))
    warm = asyncio.run(mixed(address, asked, expected, num_requests // WARM, num_clients, SEED))
    before, began = settled(address, pid, temporary), time.perf_counter()
    found = asyncio.run(mixed(address, asked, expected, num_requests, num_clients, SEED + 1))
    seconds = time.perf_counter() - began
    after = settled(address, pid, temporary, before)
    return {
        "kinds": len(asked),
        "requests": found.counts,
        "seconds": seconds,
        "unlike": warm.unlike + found.unlike,
        "lost": after.lost_since(before),
        "memory_growth": after.memory / before.memory - 1,
        "worker_memory_growth": after.worker_memory / before.worker_memory - 1,
        "before": asdict(before),
        "after": asdict(after),
    }


def failures(report: dict[str, Any]) -> list[str]:
    """A line for each thing that must not be."""
    lines = [*report["unlike"], *report["lost"]]
    if (growth := report["memory_growth"]) > MEMORY_SHARE:
        lines.append(f"memory grew by {growth:.1%}, at most {MEMORY_SHARE:.0%} is allowed")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="folder or name [default: the nano model of the package]")
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--out", type=Path, default=RESULT)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "server"
        with running(ours(options.model or "nano", *OPTIONS), folder, {"OMP_NUM_THREADS": "1"}) as server:
            report = soak(server.address, server.pid, folder / "temporary", options.requests, options.clients)
        report["tracebacks"] = server.log.read_text().count("Traceback")
    write_result(options.out, report, weights_of(options.model), machine_here())
    wrong = failures(report)
    print("\n".join(wrong) or f"{sum(report['requests'].values())} requests in {report['seconds']:.0f} s, nothing lost")
    raise SystemExit(bool(wrong))


if __name__ == "__main__":
    main()
