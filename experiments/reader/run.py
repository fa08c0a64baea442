"""Going on from a model that reads: `python experiments/reader/run.py START --folder RUN --steps 800`.

The recipe's stage `decay` with other numbers: pixels a slice, letters a line, steps, fonts. A run that was stopped
goes on.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import torch

from demiglace.jobs.nano import train
from demiglace.recipes.nano import continued
from demiglace.typography.style_samples import COLUMN_GAPS, USUAL_GAPS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("start", type=Path, help="folder of the model, its heads beside it")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--documents", type=Path, help="folder of PDFs; crops of them are a quarter of the images")
    parser.add_argument("--fonts", type=Path, help="folder of font files; half of the rendered lines are set in them")
    parser.add_argument("--columns", action="store_true", help="words stand far apart in more lines")
    parser.add_argument("--resolution", type=int, default=140, help="side of the square whose area a slice has")
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--lr", type=float, default=1.2e-3)
    parser.add_argument("--characters", type=int, default=76, help="the most of an image")
    parser.add_argument("--lines", type=int, default=2, help="the most of an image")
    parser.add_argument("--stacks", type=float, default=0.0, help="share of images with short lines stacked")
    parser.add_argument("--place-weight", type=float, default=0.3, help="of the loss on the place of each letter")
    parser.add_argument("--seed", type=int, default=10)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    recipe = replace(
        continued(args.start, args.seed, args.documents),
        only=("decay",),
        fonts=args.fonts,
        gaps=COLUMN_GAPS if args.columns else USUAL_GAPS,
        decay_steps=args.steps,
        scale_resolution=args.resolution,
        late_learning_rate=args.lr,
        max_lines=args.lines,
        stack_share=args.stacks,
        max_characters=args.characters,
        letter_place_weight=args.place_weight,
    )
    train(recipe, args.folder, print)


if __name__ == "__main__":
    main()
