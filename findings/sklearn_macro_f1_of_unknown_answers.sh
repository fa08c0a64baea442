#!/usr/bin/env bash
# Benchmarks of yes/no and of choices are scored by the macro F1 of scikit-learn: the mean over the classes. One would guess that the
# classes are those of the truth. They are all labels that occur in either list. If a model gives one answer that is none of them
# ("unknown" for what could not be parsed, "E" of four choices), there is one more class, with an F1 of 0: the mean of two becomes one
# of three. One such answer in 1000 takes 0.98 down to 0.65, three different ones to 0.39, and more of the same cost nothing more.
# There is no warning, as the F1 of such a class is defined; `balanced_accuracy_score` warns of it and leaves it out. Give `labels=`.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check scikit-learn==1.9.1 numpy==2.4.6 2> /dev/null
"$work/venv/bin/python" - <<'PYTHON'
import sys
import warnings

import sklearn
from sklearn.metrics import accuracy_score, f1_score

print("scikit-learn", sklearn.__version__)
warnings.simplefilter("error")
ANSWERS = ["no", "yes"]
truth = ANSWERS * 500
right = [{"no": "yes", "yes": "no"}[one] if number % 50 == 7 else one for number, one in enumerate(truth)]


def scores(*unknown):
    """Of the answers where the first ones are `unknown` instead: accuracy, macro F1, and macro F1 of the labels given."""
    answers = [*unknown, *right[len(unknown):]]
    macro = f1_score(truth, answers, average="macro"), f1_score(truth, answers, average="macro", labels=ANSWERS)
    return tuple(round(float(one), 3) for one in (accuracy_score(truth, answers), *macro))


CASES = {"none": (), "one": ("unknown",), "five equal": ("unknown",) * 5, "three different": ("unknown", "Yes!", "maybe")}
seen = {name: scores(*unknown) for name, unknown in CASES.items()}
for name, numbers in seen.items():
    print("answers that are no class, {}: accuracy {}, macro F1 {}, with labels= {}".format(name, *numbers))
print("expected: both F1 near the accuracy in all lines")
none, one, five, three = seen.values()
near = all(abs(accuracy - named) < 0.01 for accuracy, _, named in seen.values())
sys.exit(not (near and none[1] == none[2] and abs(one[1] - 2 / 3 * one[2]) < 0.01 and abs(five[1] - one[1]) < 0.01 and three[1] < 0.4))
PYTHON
