#!/usr/bin/env bash
# torch.manual_seed takes any integer of 64 bits, and its documentation asks for seeds with many bits that are 0 and 1. One
# would guess that different seeds give different numbers. The generator of the CPU keeps the lower 32 bits: a seed made of two
# numbers (the epoch above, the sample below), a hash whose upper half differs, or -1 and 4294967295 give the same stream.
# `torch.initial_seed` gives back all 64 bits, so a log shows two seeds for one stream. numpy's generators use all bits.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6 2> /dev/null
"$work/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
import torch

print("torch", torch.__version__, "numpy", np.__version__)


def drawn(seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(4, generator=generator).tolist(), generator.initial_seed()


sample = 7
by_epoch = [drawn((epoch << 32) | sample) for epoch in range(3)]
for epoch, (numbers, seed) in enumerate(by_epoch):
    print(f"epoch {epoch}: initial_seed {seed}, {[round(number, 4) for number in numbers]}")
torch_streams = len({tuple(numbers) for numbers, _ in by_epoch})
numpy_streams = len({np.random.default_rng((epoch << 32) | sample).random() for epoch in range(3)})
negative_is_positive = drawn(-1)[0] == drawn(2**32 - 1)[0]
print(f"expected: 3 streams of 3 seeds; torch has {torch_streams}, numpy {numpy_streams}")
print(f"seeds -1 and 4294967295 give the same numbers: {negative_is_positive}")
sys.exit(not (torch_streams == 1 and numpy_streams == 3 and negative_is_positive and drawn(8)[0] != drawn(7)[0]))
PYTHON
