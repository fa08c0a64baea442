#!/usr/bin/env bash
# One would guess that the edit distance of two lists counts items that are not equal. RapidFuzz compares the hashes of
# the items, and small values share them in Python: an empty text has that of 0, -1.0 that of -2.0, (0, -1) that of
# (0, -2), infinity that of 314159; a single letter counts as its code. So a row of cells ["", 7] is at distance 0 from
# [0, 7], and a series of negative numbers may be found in full where it is wrong. The integer -1 alone is looked after
# (not in a NumPy array). Lists of texts of two letters or more are safe; compare str or repr of everything else.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check rapidfuzz==3.14.6 numpy==2.4.6 2> /dev/null
venv/bin/python - <<'PYTHON'
import sys

import numpy
import rapidfuzz
from rapidfuzz.distance import Indel, Levenshtein
from rapidfuzz.process import cdist

print("rapidfuzz", rapidfuzz.__version__, "numpy", numpy.__version__)
unequal = {
    "an empty cell and 0": (["", 7], [0, 7]),
    "-1.0 and -2.0": ([-1.0, 3.5], [-2.0, 3.5]),
    "points (0, -1) and (0, -2)": ([(0, -1), (4, 4)], [(0, -2), (4, 4)]),
    "arrays of -1 and -2": (numpy.array([-1, 3]), numpy.array([-2, 3])),
    "the letter A and 65": (["A", "total"], [65, "total"]),
    "infinity and 314159": ([float("inf")], [314159]),
}
seen = []
for name, (one, other) in unequal.items():
    equal = list(one) == list(other)
    matrix = cdist([one], [other], scorer=Levenshtein.distance)[0][0]
    seen.append((equal, Levenshtein.distance(one, other), Indel.distance(one, other), int(matrix)))
    print(f"{name}: equal in Python {equal}; Levenshtein {seen[-1][1]}, Indel {seen[-1][2]}, cdist {seen[-1][3]}")
print("expected: Levenshtein 1, Indel 2, cdist 1 for each")
controls = [Levenshtein.distance([-1, 3], [-2, 3]), Levenshtein.distance(["-1.0"], ["-2.0"])]
print("lists of the integers -1 and -2, and of the texts of -1.0 and -2.0:", controls)
sys.exit(0 if seen == [(False, 0, 0, 0)] * len(unequal) and controls == [1, 1] else 1)
PYTHON
