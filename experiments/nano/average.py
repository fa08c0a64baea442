"""Weights on the straight line between two models of one kind, one of which was trained from the other.

    python experiments/nano/average.py BEFORE AFTER --share 0.5 --out FOLDER

`--share` 0 is BEFORE, 1 is AFTER. The processor is that of AFTER.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from demiglace.jobs.export import export
from demiglace.model import weights
from demiglace.processing.processor import Processor


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("--share", type=float, default=0.5, help="of AFTER")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    before, after = (weights.load(folder, torch.float32, "cpu") for folder in (options.before, options.after))
    if before.config != after.config:
        parser.error(f"{options.before} and {options.after} are not of one kind: {before.config} and {after.config}")
    theirs = dict(after.named_parameters())
    with torch.no_grad():
        for name, own in before.named_parameters():
            own.lerp_(theirs[name], options.share)
    export(before, Processor.load(options.after), options.out, options.after)


if __name__ == "__main__":
    main()
