"""Short answers alone, long ones alone, or both together: arms of hybrid reinforcement learning, with several seeds.

    python experiments/hybrid_rl/run.py --arms short long hybrid --seeds 0 1 2 --folder runs/hybrid_rl [--steps 24]

Every arm begins from the same model and asks the same questions in the same order; `arms.py` says in what they differ.
A run that was stopped goes on by the same command, a finished one by the same command with more steps. `answers.py`
asks what came out.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from unittest.mock import patch

import torch
from arms import ARMS, STEPS, folder_of_arm, recipe_of

from demiglace.jobs.machine import Machine
from demiglace.jobs.rl import run
from demiglace.model.hub import folder_of


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--arms", nargs="+", choices=list(ARMS), required=True)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0], help="of questions and answers")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--start", type=Path, help="[default: nano]")
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--reward-model", type=Path, help="folder; the arms whose name says so need it")
    options = parser.parse_args()
    if options.reward_model is None and (judged := [arm for arm in options.arms if ARMS[arm].is_judged]):
        parser.error(f"{', '.join(judged)}: --reward-model is missing")
    machine, start = Machine(torch.device("cpu"), torch.float32, log=print), folder_of(options.start)
    for seed in options.seeds:
        for arm in options.arms:
            recipe = recipe_of(arm, seed, options.steps, start, options.reward_model)
            with patch("demiglace.jobs.rl.Prompts", ARMS[arm].prompts):
                if run(recipe, folder_of_arm(options.folder, arm, seed), machine) is None:
                    return  # a signal; all is saved


if __name__ == "__main__":
    main()
