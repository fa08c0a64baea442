#!/usr/bin/env bash
# One would guess that the weighted kappa of scikit-learn, by which judges are compared with people, weighs by how far two grades
# lie apart: 5 instead of 2 by 3. It weighs by their places among the labels that occur, in sorted order. If nobody gave a 3 or a 4,
# 5 is next to 2; grades given as text are sorted as text, "10" beside "1". So the same answers have another kappa if a grade that
# neither rater used is left out, and two judges are not compared by the same measure. Numbers, and `labels=range(1, 6)`, are right.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check scikit-learn==1.9.1 numpy==2.4.6 2> /dev/null
"$work/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
import sklearn
from sklearn.metrics import cohen_kappa_score

print("scikit-learn", sklearn.__version__)


def by_distance(one, other):
    """1 - mean squared difference / mean squared difference of all pairs: the quadratic kappa of the numbers themselves."""
    one, other = np.array(one, float), np.array(other, float)
    return 1 - np.square(one - other).mean() / np.square(one[:, None] - other[None]).mean()


def three(one, other, scale):
    texts = [[str(grade) for grade in grades] for grades in (one, other)]
    return [
        round(float(kappa), 3)
        for kappa in (
            by_distance(one, other),
            cohen_kappa_score(one, other, weights="quadratic", labels=list(scale)),
            cohen_kappa_score(one, other, weights="quadratic"),
            cohen_kappa_score(*texts, weights="quadratic"),
        )
    ]


seen = []
for told, one, other, scale in (
    ("grades 1, 2 and 5 of 1 to 5", [1, 2, 5, 5, 1, 2, 5, 1], [2, 1, 5, 2, 2, 1, 5, 1], range(1, 6)),
    ("grades of 1 to 10", [1, 2, 10, 10, 9, 2, 1, 8], [1, 2, 10, 9, 9, 2, 1, 8], range(1, 11)),
):
    seen.append(three(one, other, scale))
    print("{}: {} by the distances, {} with labels=, {} without, {} as texts".format(told, *seen[-1]))
print("expected: four equal numbers in each line")
(distance, named, bare, _), (far, listed, _, texts) = seen
sys.exit(not (distance == named and far == listed and abs(bare - named) > 0.05 and texts < listed - 0.1))
PYTHON
