#!/usr/bin/env bash
# One would guess: a verifier of answers that is used as a reward either compares dates, times and per cents, or refuses them.
# What happens (math-verify 0.9.0): a date without leading zeros is a subtraction, so 2024-10-11 equals 2003 and another day
# with the same difference; of 2024-03-01 and of 12:30 only the first number is read, so they equal 2024-05-09 and 12:45;
# "12%" equals both "0.12" and "12".
# Why it matters: a policy rewarded by it is paid for wrong dates, times and shares. Give it formulas alone.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check math-verify==0.9.0 latex2sympy2_extended==1.11.0 sympy==1.14.0
"$folder/venv/bin/python" - <<'PYTHON'
import importlib.metadata as metadata
import sys

from math_verify import parse, verify

print("Python", sys.version.split()[0], *(f"{name} {metadata.version(name)}" for name in ("math-verify", "sympy")))
pairs = [
    ("2024-10-11", "2003"),
    ("2024-10-11", "2024-11-10"),
    ("2024-03-01", "2024-05-09"),
    ("12:30", "12:45"),
    ("12%", "12"),
    ("12%", "0.12"),
]
taken = [verify(parse(reference), parse(answer)) for reference, answer in pairs]
for (reference, answer), verdict in zip(pairs, taken, strict=True):
    print(f"reference {reference!r}, answer {answer!r}: one would expect False or a refusal, seen {verdict}")
sys.exit(0 if all(taken) else 1)
PYTHON
