#!/usr/bin/env bash
# `gather_for_metrics` of accelerate collects the results of all processes and drops the rows that were added to fill the last batch.
# One would guess that in one process, where nothing is added, it returns what it is given. In the last batch it keeps as many entries
# as that batch has rows, whatever they are. Where a row has several (scores of four choices, losses of tokens, boxes), the first
# entries of a short last batch remain and the others are dropped, without a warning: of five questions with four choices in
# batches of four, 17 scores instead of 20. Where all batches are full nothing is dropped, so a test on a round number shows nothing.
# Tensors and lists whose first dimension is that of the rows are right, as is `gather` in one process.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check accelerate==1.15.0 torch==2.13.0 numpy==2.4.6 2> /dev/null
OMP_NUM_THREADS=1 "$work/venv/bin/python" - <<'PYTHON'
import sys
import warnings

import accelerate
import torch
from accelerate import Accelerator
from torch.utils.data import DataLoader

print(f"accelerate {accelerate.__version__}, torch {torch.__version__}, one process")
warnings.simplefilter("error")
accelerator = Accelerator(cpu=True)
CHOICES = 4


def collected(questions):
    """Scores of each choice as one flat tensor, as rows of choices, and as a list of texts; and flat by `gather`."""
    found = [[] for _ in range(4)]
    for batch in accelerator.prepare(DataLoader(torch.arange(questions), 4)):
        flat = batch.repeat_interleave(CHOICES)
        found[0] += accelerator.gather_for_metrics(flat).tolist()
        found[1] += accelerator.gather_for_metrics(flat.view(-1, CHOICES)).flatten().tolist()
        found[2] += accelerator.gather_for_metrics([str(one) for one in flat.tolist()], use_gather_object=True)
        found[3] += accelerator.gather(flat).tolist()
    return [len(one) for one in found]


seen = {questions: collected(questions) for questions in (8, 5, 7)}
for questions, numbers in seen.items():
    print("{} questions: {} scores of flat tensors, {} of rows, {} of lists, {} by gather".format(questions, *numbers), end="; ")
    print(f"expected {questions * CHOICES}")
sys.exit(seen != {8: [32] * 4, 5: [17, 20, 17, 20], 7: [19, 28, 19, 28]})
PYTHON
