"""Whether `finetune` takes the memory that its dry run announces: measured peak and prediction, by length of row.

    python benchmarks/finetune_memory.py [--lengths 512 1024 2048] [--methods full lora]

Each run is a process of its own, a few steps of the nano model on text as long as a row. What importing and starting
take is no matter of the formula, so growth over the shortest rows is compared. Linux, CPU, float32.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
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


def measure(method: str, length: int) -> dict[str, float]:
    """MiB: the peak of the process, and what the survey predicted."""
    with tempfile.TemporaryDirectory() as folder:
        data = records(Path(folder), length)
        run = [sys.executable, "-c", RUN, "finetune", "nano", str(data), "--out", str(Path(folder) / "run")]
        run += [f"--{method}", "--length", str(length), "--batch-rows", "1", "--epochs", "1", "--held-out", "0"]
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
    parser.add_argument("--lengths", type=int, nargs="+", default=[512, 1024, 2048])
    parser.add_argument("--methods", nargs="+", default=["full", "lora"])
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    report: dict[str, list[dict[str, float]]] = {}  # MiB
    for method in options.methods:
        rows = [{"length": length, **measure(method, length)} for length in sorted(options.lengths)]
        for row in rows[1:]:
            row["grown"] = row["peak"] - rows[0]["peak"]
            row["grown_by_formula"] = row["predicted"] - rows[0]["predicted"]
        report[method] = rows
        print(method, json.dumps(rows, indent=2))
    write_result(options.out, {"mebibytes": report}, weights_of(None), machine_here())


if __name__ == "__main__":
    main()
