"""schemathesis on the server's own description of its API: whatever fits it, or does not, no answer is a 500.

    python benchmarks/fuzz_api.py [--schemathesis st] [--examples 50] [--seconds 240]

`st` is the program of schemathesis, which may be in an environment of its own (pip install schemathesis). The exit
status is its own: 1 where an answer has status 500 or more, or where the server ends.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from pathlib import Path

from server_process import ours, running

SEED = 19
CHECK = "not_a_server_error"  # the others ask for statuses and schemas that the description leaves open
OPTIONS = ("--decode-seconds", "5", "--max-tokens", "512")  # so that no answer is a long one
REQUEST_S = 30


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--schemathesis", default="st", help="its program")
    parser.add_argument("--examples", type=int, default=50, help="requests made up for each route")
    parser.add_argument("--seconds", type=int, default=240, help="for all of them")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        with running(ours("nano", *OPTIONS), Path(scratch) / "server", {"OMP_NUM_THREADS": "1"}) as server:
            command = [options.schemathesis, "run", f"{server.address}/openapi.json", "--checks", CHECK]
            command += ["--max-examples", str(options.examples), "--seed", str(SEED), "--continue-on-failure"]
            command += ["--phases", "examples,coverage,fuzzing", "--request-timeout", str(REQUEST_S)]
            command += ["--suppress-health-check", "all", "--no-color"]
            try:
                status = subprocess.run(command, cwd=scratch, timeout=options.seconds, check=False).returncode
            except subprocess.TimeoutExpired:
                parser.exit(1, f"not done after {options.seconds} s: fewer --examples, or more --seconds\n")
        log = server.log.read_text()
    if "Traceback" in log:
        print(log[log.index("Traceback") :][:4000])
    raise SystemExit(status or "Traceback" in log)


if __name__ == "__main__":
    main()
