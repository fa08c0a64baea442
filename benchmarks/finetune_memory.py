"""Whether `finetune` takes the memory that its dry run announces: measured peak of the process and prediction.

    python benchmarks/finetune_memory.py [--cases NAME ...]

Each case is a process of its own, a few steps of the nano model on text as long as a row. The share of memory that
glibc keeps, and what the libraries take, were fitted to `FITTED`; the others are new to the formula. Linux, CPU,
float32.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from results_file import machine_here, weights_of, write_result

RESULTS = Path(__file__).parent / "results" / "finetune_memory.json"
RUN = """
import sys
from pathlib import Path
from demiglace.cli.main import app
try:
    app(sys.argv[1:])
finally:
    print(next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")))
"""


def records(folder: Path, length: int) -> Path:
    """Conversations of one row each; a byte is a token of the nano model."""
    path = folder / "data.jsonl"
    said = "all work and no play " * length
    turns = [{"role": "user", "content": "Write."}, {"role": "assistant", "content": said[: length - 60]}]
    path.write_text((json.dumps({"messages": turns}) + "\n") * 4)
    return path


FITTED = ("full 512", "full 1024", "full 2048", "lora 512", "lora 1024", "lora 2048")
CASES: dict[str, tuple[int, tuple[str, ...]]] = {  # length of a row, options
    **{name: (int(name.split()[1]), (f"--{name.split()[0]}",)) for name in FITTED},
    "full 3072": (3072, ("--full",)),
    "full 1024, two rows at once": (1024, ("--full", "--batch-rows", "2", "--micro-batch-rows", "2")),
    "lora 1024, two rows at once": (1024, ("--lora", "--batch-rows", "2", "--micro-batch-rows", "2")),
    "lora 1024, checkpointed": (1024, ("--lora", "--activation-checkpointing")),
    "lora 1024, rank 64": (1024, ("--lora", "--rank", "64")),
    "lora 1536": (1536, ("--lora",)),
}


def measure(length: int, options: Sequence[str]) -> dict[str, float]:
    """MiB: the peak of the process, and what the survey predicted."""
    with tempfile.TemporaryDirectory() as folder:
        data = records(Path(folder), length)
        run = [sys.executable, "-c", RUN, "finetune", "nano", str(data), "--out", str(Path(folder) / "run")]
        run += ["--length", str(length), "--batch-rows", "1", "--epochs", "1", "--held-out", "0", *options]
        done = subprocess.run(run, capture_output=True, text=True, check=False)
    told = done.stdout + done.stderr
    if done.returncode:
        raise RuntimeError(told)
    peak = re.search(r"VmHWM:\s*(\d+) kB", told)
    predicted = re.search(r"memory: about ([0-9.]+) (GiB|MiB)", told)
    assert peak is not None, told
    assert predicted is not None, told
    scale = 1024 if predicted[2] == "GiB" else 1
    return {"peak": int(peak[1]) / 1024, "predicted": float(predicted[1]) * scale}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", nargs="+", default=list(CASES), choices=CASES, metavar="NAME")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    report: dict[str, dict[str, object]] = {}
    for name in options.cases:
        figures = measure(*CASES[name])
        ratio = figures["predicted"] / figures["peak"]
        report[name] = {**figures, "predicted_over_peak": ratio, "fitted": name in FITTED}
        print(f"{name}: {figures['peak']:.0f} MiB, predicted {figures['predicted']:.0f}, {ratio:.2f}", flush=True)
        write_result(options.out, {"mebibytes": report}, weights_of(None), machine_here())


if __name__ == "__main__":
    main()
