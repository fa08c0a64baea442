"""Chains of tiny RL runs that are killed at random moments: the weights at their end are those of the undisturbed run.

    python benchmarks/rl_kills.py [--kills 20] [--chains 5] [--seed 0] [--folder FOLDER] [--out FILE]

Each chain is one run of `demiglace rl`, which is killed by SIGKILL after a random time and started again, a few times,
and then left to end. Run again with the same folder, finished chains are not repeated.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from results_file import machine_here, write_result
from rich.progress import track

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from mixtures import drawn_colours, write_start

RESULT = Path(__file__).parent / "results" / "rl_kills.json"
MIXTURE = drawn_colours("hybrid_rl")
STEPS = 6
WHY_NO_WEIGHTS = "random weights: bits of two runs are compared"


def command(inputs: Path, folder: Path) -> list[str]:
    options = {
        "preset": "nano", "start": inputs / "start", "folder": folder, "steps": STEPS, "prompts": 4, "answers": 4,
        "lr": 1e-3, "short-limit": 60, "long-limit": 20, "save-every": 1, "device": "cpu", "dtype": "float32",
    }  # fmt: skip
    flags = [str(word) for name, value in options.items() for word in (f"--{name}", value)]
    return [sys.executable, "-m", "demiglace", "rl", str(inputs / "rl.toml"), *flags]


def run(inputs: Path, folder: Path, seconds: float | None = None) -> tuple[bool, float]:
    """Whether it was killed after so many seconds, before its end, and how long it took."""
    began = time.monotonic()
    process = subprocess.Popen(
        command(inputs, folder), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
    )
    try:
        _, told = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        return True, time.monotonic() - began
    if process.returncode:
        raise RuntimeError(f"status {process.returncode}: {told.decode()[-500:]}")
    return False, time.monotonic() - began


def left(folder: Path) -> dict[str, str]:
    """What a run leaves: its weights, and the distinct lines of its rollouts."""
    rollouts = (folder / "hybrid_rl" / "rollouts.jsonl").read_bytes().splitlines()
    files = {
        "model": (folder / "model" / "model.safetensors").read_bytes(),
        "rollouts": b"\n".join(sorted(set(rollouts))),
    }
    return {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}


def chain(inputs: Path, folder: Path, kills: int, whole_s: float, choose: random.Random) -> dict[str, Any]:
    """Kill a run so often, then let it end; where, by the seconds since it was started and the steps saved."""
    told: list[dict[str, Any]] = []
    while len(told) < kills:
        was_killed, seconds = run(inputs, folder, choose.uniform(0.1, 0.9) * whole_s)
        if not was_killed:
            break
        saved = sorted(path.name for path in (folder / "hybrid_rl").glob("step*") if path.suffix != ".part")
        told.append({"seconds": round(seconds, 2), "newest": saved[-1] if saved else None})
    run(inputs, folder)
    return {"kills": told, "left": left(folder)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--chains", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="kept, so that the script goes on where it stopped")
    parser.add_argument("--out", type=Path, default=RESULT)
    given = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    folder = given.folder or Path(tempfile.mkdtemp())
    folder.mkdir(parents=True, exist_ok=True)
    inputs = folder / "inputs"
    if not (inputs / "rl.toml").exists():
        write_start(inputs / "start")
        (inputs / "rl.toml").write_text(MIXTURE)
    whole = _kept(folder / "whole.json", lambda: _whole(inputs, folder / "whole"))
    each = -(-given.kills // given.chains)
    chains = [
        _kept(
            folder / f"chain-{number}.json",
            lambda number=number: chain(
                inputs, folder / f"chain-{number}", each, whole["seconds"], random.Random(f"{given.seed} {number}")
            ),
        )
        for number in track(range(given.chains), "chains")
    ]
    kills = sum(len(one["kills"]) for one in chains)
    equal = sum(one["left"] == whole["left"] for one in chains)
    figures = {
        "steps": STEPS,
        "kills": kills,
        "chains": len(chains),
        "equal_to_undisturbed": equal,
        "undisturbed": whole,
    }
    write_result(given.out, {**figures, "each": chains}, WHY_NO_WEIGHTS, machine_here())
    print(f"{kills} kills in {len(chains)} chains; {equal} ended with the weights and rollouts of the undisturbed run")


def _whole(inputs: Path, folder: Path) -> dict[str, Any]:
    _, seconds = run(inputs, folder)
    return {"seconds": seconds, "left": left(folder)}


def _kept(path: Path, make: Any) -> dict[str, Any]:
    if not path.exists():
        path.write_text(json.dumps(make()))
    kept: dict[str, Any] = json.loads(path.read_text())
    return kept


if __name__ == "__main__":
    main()
