#!/usr/bin/env bash
# To resume in the middle of an epoch, accelerate has `load_state`, which restores the random numbers too, and
# `skip_first_batches(loader, n)`. One would guess that the epoch goes on with the rows that were still to come. The order of a
# shuffled loader is drawn when an epoch begins, and what `save_state` keeps is the generator as it was after that: the resumed run
# draws another order and skips the first batches of that one. Of an epoch saved half-way, a quarter of the rows is then trained on
# twice and a quarter never, without a warning. `DataLoaderConfiguration(use_seedable_sampler=True)` is right; it is off by default.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check accelerate==1.15.0 torch==2.13.0 numpy==2.4.6 2> /dev/null
OMP_NUM_THREADS=1 "$work/venv/bin/python" - "$work/saved" <<'PYTHON'
import sys
import warnings
from collections import Counter

import accelerate
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState, GradientState
from accelerate.utils import DataLoaderConfiguration, set_seed
from torch.utils.data import DataLoader

print(f"accelerate {accelerate.__version__}, torch {torch.__version__}")
warnings.simplefilter("error", UserWarning)
ROWS = 1000


def begun(**options):
    """As a new process begins, with the seed it began with before."""
    AcceleratorState._reset_state(True)
    GradientState._reset_state()
    set_seed(0)
    accelerator = Accelerator(cpu=True, dataloader_config=DataLoaderConfiguration(**options))
    model = torch.nn.Linear(1, 1)
    loader = DataLoader(torch.arange(ROWS), 10, shuffle=True)
    return accelerator, *accelerator.prepare(model, torch.optim.AdamW(model.parameters()), loader)


def rows(batches):
    return [row for batch in batches for row in batch.tolist()]


def times(half, **options):
    """How many rows were trained on never, once and twice in an epoch that was saved after `half` of its 100 batches."""
    accelerator, *_, loader = begun(**options)
    seen = []
    for number, batch in enumerate(loader, 1):
        seen += batch.tolist()
        if number == half:
            accelerator.save_state(sys.argv[1])
            break
    accelerator, *_, loader = begun(**options)
    accelerator.load_state(sys.argv[1])
    of_a_row = Counter(seen + rows(accelerator.skip_first_batches(loader, half)))
    return [sum(of_a_row[row] == count for row in range(ROWS)) for count in range(3)]


usual, seedable = times(50), times(50, use_seedable_sampler=True)
print("rows never, once and twice in an epoch of {}: {}; with use_seedable_sampler=True {}".format(ROWS, usual, seedable))
print(f"expected: {[0, ROWS, 0]} twice")
sys.exit(not (seedable == [0, ROWS, 0] and usual[0] == usual[2] > 200))
PYTHON
