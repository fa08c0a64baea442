"""The recipe's stage `shapes` from a finished model: `python experiments/seeing/run.py START --folder RUN`."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import torch

from demiglace.bootstrap.computation import Computation
from demiglace.jobs.execution import Execution
from demiglace.jobs.nano import train
from demiglace.recipes.nano import continued


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("start", type=Path, help="folder of the model, its heads beside it")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--documents", type=Path, help="folder of PDFs; crops of them are a quarter of the lines")
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--lr", type=float, default=1.2e-3)
    parser.add_argument("--batch", type=int, default=48)
    parser.add_argument("--seed", type=int, default=30)
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    args = parser.parse_args()
    recipe = replace(
        continued(args.start, args.seed, args.documents),
        only=("shapes",), shapes_steps=args.steps, batch_size=args.batch, late_learning_rate=args.lr,
    )  # fmt: skip
    computation = Computation(dtype=getattr(torch, args.dtype), counts=True)
    train(recipe, args.folder, print, execution=Execution(computation, num_renderers=2))


if __name__ == "__main__":
    main()
