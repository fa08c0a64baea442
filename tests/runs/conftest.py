"""What stands in `runs/` is found as `runs/gpu.sh` has it found."""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "runs"), str(ROOT / "benchmarks")]
