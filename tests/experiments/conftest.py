"""Experiments are found as their own scripts find them."""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "experiments" / name) for name in ("reward_model", "hybrid_rl")]
