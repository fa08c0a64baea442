"""Questions and dense labels at once: `python experiments/seeing/joint.py MIXTURE.toml START --folder RUN --steps 500`.

Each step has packed rows of the mixture's stage `general`, and simple pictures whose patches and visual tokens are
labelled (`bootstrap.objectives.ItemObjective`). Everything learns. A run that was stopped goes on.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from demiglace.bootstrap.computation import Computation
from demiglace.bootstrap.learner import Learner
from demiglace.bootstrap.objectives import ItemObjective
from demiglace.data.mixture_file import read_mixture
from demiglace.jobs.machine import Machine
from demiglace.jobs.nano import export_with_heads, initial_learner
from demiglace.jobs.supervised_stage import open_loader, supervised_objective
from demiglace.processing.processor import Processor
from demiglace.recipes.nano import continued
from demiglace.recipes.sft import GENERAL, SftRecipe, numbers_of
from demiglace.training.flops import Learning
from demiglace.training.objective import Parts
from demiglace.training.supervised import LanguageLearner, SupervisedObjective
from demiglace.training.trainer import Trainer

EVERYTHING = ("model", "patch_head", "item_head", "token_item_head")


@dataclass
class SeeingObjective:
    """Rows first, then pictures; the place of the rows is the state."""

    rows: SupervisedObjective
    pictures: ItemObjective

    def __call__(self, learner: Learner, step: int) -> Parts:
        yield from self.rows(LanguageLearner(learner.model), step)
        yield from self.pictures(learner, step)

    def state(self) -> dict[str, Any]:
        return self.rows.state()

    def restore(self, state: Mapping[str, Any]) -> None:
        self.rows.restore(state)

    def seen(self) -> dict[str, Tensor]:
        return self.rows.seen()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mixture", type=Path)
    parser.add_argument("start", type=Path, help="folder of the model, its heads beside it")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--min-lr", type=float, default=1e-4)
    parser.add_argument("--rows", type=int, default=12)
    parser.add_argument("--pictures", type=int, default=32)
    parser.add_argument("--seed", type=int, default=32)
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    args = parser.parse_args()
    dtype = getattr(torch, args.dtype)
    numbers = numbers_of(
        "nano", learning_rate=args.lr, long_learning_rate=args.lr, min_learning_rate=args.min_lr, sample_power=0.25,
        batch_rows=args.rows, micro_batch_rows=args.rows // 2, num_steps=(args.steps, 0),
    )  # fmt: skip
    recipe = SftRecipe(read_mixture(args.mixture), numbers, args.start, seed=args.seed)
    stage = replace(recipe.stages()[0], trainable=EVERYTHING)
    machine, processor = Machine(torch.device("cpu"), dtype), Processor.load(args.start)
    args.folder.mkdir(parents=True, exist_ok=True)
    rows = open_loader(
        recipe.mixture.mixture(GENERAL), processor, machine, length=numbers.length, batch_rows=args.rows, seed=args.seed
    )
    with closing(rows):
        learn = supervised_objective(
            rows, processor, stage, machine, args.folder / GENERAL, length=numbers.length,
            micro_batch_rows=numbers.micro_batch_rows, learning=Learning.of(("model",)),
        )  # fmt: skip
        seen = ItemObjective(processor.config.slicing, args.pictures, args.seed * 1000, Computation(dtype=dtype))
        learner = initial_learner(continued(args.start, 0, None))
        if Trainer(learner, stage, SeeingObjective(learn, seen), args.folder / GENERAL).run():
            export_with_heads(learner, processor, args.folder)


if __name__ == "__main__":
    main()
