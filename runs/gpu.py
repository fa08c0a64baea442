"""One job for whoever has a GPU for ten minutes, from start to result files: docs/gpu.md.

    bash runs/gpu.sh JOB [--tiny] [--minutes M] [--folder FOLDER] [--out FOLDER] [--preset nano | 25m]

A job first looks for what it needs, and runs itself at tiny size. It keeps its deadline, saves every minute, and goes
on where it stopped when it is called again. `--tiny` runs all of it in a minute, on a CPU where there is no GPU.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import torch
from order import Order

ROOT = Path(__file__).parents[1]
TINY_MINUTES = 10  # at most, on a slow CPU
CHECK_SECONDS = 120  # of the tiny run beforehand, at most
PACKAGES = ("safetensors", "tokenizers", "PIL", "huggingface_hub", "filelock", "rich", "rapidfuzz")


@dataclass(frozen=True)
class Job:
    """minutes: it takes by default. least_minutes and gigabytes of GPU memory: it wants at least.

    packages: it imports besides `PACKAGES`. draws: whether it needs fonts and prose.
    """

    minutes: float
    least_minutes: float
    gigabytes: float
    packages: tuple[str, ...] = ()
    draws: bool = False


JOBS = {
    "check": Job(minutes=2, least_minutes=1, gigabytes=4, packages=("pytest",)),
    "efficiency": Job(minutes=4, least_minutes=2, gigabytes=60, packages=("transformers",)),
    "decode": Job(minutes=2, least_minutes=1, gigabytes=30),
    "reader": Job(minutes=8, least_minutes=2, gigabytes=40, draws=True),
    "sft": Job(minutes=8, least_minutes=2, gigabytes=20, draws=True),
    "rl": Job(minutes=8, least_minutes=2, gigabytes=20, packages=("av",), draws=True),
}


def main(words: Sequence[str]) -> int:
    """Exit status: 0 when all is done, 2 for what a user can mend, 3 where the deadline came first."""
    try:
        options = parsed(words)
        order = order_of(options)
        look_for_needs(order)
        if not order.tiny and not order.folder.exists():
            check_at_tiny_size(order)
        work: Callable[[Order], bool] = import_module(f"{order.job}_job").run
        return 0 if work(order) else 3
    except ValueError as error:
        print(f"gpu: {error}", file=sys.stderr)
        return 2


def parsed(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("job", help=", ".join(JOBS))
    parser.add_argument("--tiny", action="store_true", help="the whole job in a minute, on a CPU too")
    parser.add_argument("--minutes", type=float, help="until the job stops by itself, everything saved")
    parser.add_argument("--folder", type=Path, help="of the run; a second call goes on from it [runs/JOB]")
    parser.add_argument("--out", type=Path, help="for what comes out [FOLDER/out]")
    parser.add_argument("--preset", default="nano", help="model that is trained: nano or 25m")
    parser.add_argument("--device", help="cuda or cpu [cuda; with --tiny cpu where there is no GPU]")
    return parser.parse_args(words)


def order_of(options: argparse.Namespace) -> Order:
    """ValueError where a job is none, or gets too little time, or there is no GPU."""
    if options.job not in JOBS:
        raise ValueError(f"no job {options.job!r}; there are {', '.join(JOBS)}")
    job = JOBS[options.job]
    usual = TINY_MINUTES if options.tiny else job.minutes
    minutes = usual if options.minutes is None else options.minutes
    if minutes < job.least_minutes and not options.tiny:
        raise ValueError(f"{options.job} wants at least {job.least_minutes:g} minutes, got {minutes:g}")
    folder = options.folder or ROOT / "runs" / (f"{options.job}-tiny" if options.tiny else options.job)
    return Order(
        job=options.job,
        tiny=options.tiny,
        device=device_of(options),
        deadline=time.monotonic() + 60 * minutes,
        folder=folder,
        out=options.out or folder / "out",
        preset=options.preset,
        log=lambda told: print(told, flush=True),
    )


def device_of(options: argparse.Namespace) -> torch.device:
    name = options.device or ("cuda" if torch.cuda.is_available() or not options.tiny else "cpu")
    if name == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"{options.job} needs a GPU and there is none; --tiny runs it on a CPU")
    return torch.device(name)


def look_for_needs(order: Order) -> None:
    """ValueError that names all that is missing, and the memory that is."""
    job = JOBS[order.job]
    missing = [name for name in (*PACKAGES, *job.packages) if find_spec(name) is None]
    missing += missing_pictures() if job.draws and not missing else []
    if missing:
        cure = "`bash runs/carry.sh`, where there is a network, makes a folder of them to carry (`3.12 av` for av)"
        raise ValueError(f"{order.job} lacks {', '.join(missing)}; {cure}")
    if order.device.type == "cuda" and not order.tiny:
        free = torch.cuda.mem_get_info()[0] / 1e9
        if free < job.gigabytes:
            raise ValueError(f"{order.job} wants {job.gigabytes:g} GB of GPU memory, {free:.1f} GB are free")


def missing_pictures() -> list[str]:
    """What is drawn needs fonts and prose."""
    from demiglace.typography import corpus, fonts

    found = []
    for look in (fonts.training_faces, corpus.words, corpus.corpus):
        try:
            look()
        except ValueError as error:
            found.append(f"fonts or prose ({error})")
    return found


def check_at_tiny_size(order: Order) -> None:
    """Run the job at tiny size on the same device; ValueError with its last words where it fails."""
    order.log(f"{order.job}: a tiny run first, on {order.device}")
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, __file__, order.job, "--tiny", "--device", order.device.type, "--folder", folder]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=CHECK_SECONDS, check=False)
        except subprocess.TimeoutExpired:
            raise ValueError(f"{order.job} at tiny size did not end within {CHECK_SECONDS} s") from None
    if done.returncode:
        raise ValueError(f"{order.job} fails at tiny size: {' | '.join((done.stdout + done.stderr).splitlines()[-8:])}")
    order.log(f"{order.job}: that took {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
