#!/usr/bin/env bash
# Threads of torch's OpenMP library (GNU's, which its wheels for Linux carry) wait busily for a while before they sleep, and
# GOMP_SPINCOUNT says for how long. One would guess that this holds for every thread of a program. The library keeps a team for each
# thread that has computed, as long as that thread lives. Where all teams together have more threads than there are CPUs, every team
# sleeps almost at once, whatever was chosen. So a server that loads its model in the main thread and answers in another one
# takes several times as long for each small product as the same program in one thread. No figure of torch tells.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6 2> /dev/null
env -u OMP_NUM_THREADS -u OMP_WAIT_POLICY GOMP_SPINCOUNT=20000 "$work/venv/bin/python" - <<'PYTHON'
import os
import sys
import threading
import time
from statistics import median

import torch

cpus = len(os.sched_getaffinity(0))
if cpus < 2:
    sys.exit(print("one CPU: no teams, nothing to see"))
torch.set_num_threads(cpus)
row, weight = torch.randn(1, 256), torch.randn(1024, 256)
print("torch", torch.__version__, "threads", torch.get_num_threads())


def microseconds():
    def product():
        began = time.perf_counter()
        for _ in range(100):
            row @ weight.T
        return (time.perf_counter() - began) * 1e4

    product()
    return median(product() for _ in range(30))


def in_another_thread():
    found = []
    thread = threading.Thread(target=lambda: found.append(microseconds()))
    thread.start()
    thread.join()
    return found[0]


alone = in_another_thread()
print(f"a product in a thread, where no other has computed: {alone:.0f} microseconds")
print(f"in the main thread:                                 {microseconds():.0f}")
beside = in_another_thread()
print(f"in another thread, where the main one has computed: {beside:.0f}")
sys.exit(not beside > 2 * alone)
PYTHON
