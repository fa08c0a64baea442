#!/usr/bin/env bash
# `class_encode_column` of `datasets` makes numbers of the texts of a column, and one would guess that a DatasetDict gets the same
# numbers in all its splits. Each split is numbered by the texts that occur in it. If a rare class is missing in one, the classes
# behind it in the alphabet move: "cat" is 1 in "train" and 0 in "test". A model trained with the one and scored with the other is
# wrong on almost all rows, without an error or a warning; only the names in the features of the splits show it. Give the names
# yourself: `cast_column("label", ClassLabel(names=[...]))` is right.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check datasets==5.2.0 2> /dev/null
HF_HOME="$work/hf" "$work/venv/bin/python" - 2> "$work/log" <<'PYTHON' || { cat "$work/log" >&2; exit 1; }
import sys
import warnings

import datasets
from datasets import ClassLabel, Dataset, DatasetDict

print("datasets", datasets.__version__)
warnings.simplefilter("error")
texts = {"train": ["bird", "cat", "cow", "dog", "cat"], "test": ["cat", "cow", "dog"]}
rows = DatasetDict({split: Dataset.from_dict({"label": labels}) for split, labels in texts.items()})
by_split = rows.class_encode_column("label")
by_names = rows.cast_column("label", ClassLabel(names=["bird", "cat", "cow", "dog"]))
numbers = {}
for name, encoded in (("class_encode_column", by_split), ("cast_column with names", by_names)):
    numbers[name] = [dict(zip(texts[split], encoded[split]["label"])) for split in texts]
    train, test = numbers[name]
    print(f"{name}: train {train}, test {test}")
    numbers[name].append(sum(train[text] == test[text] for text in texts["test"]))
    print(f"  of a model that is always right {numbers[name][-1]} of {len(texts['test'])} answers count as right")
print("expected: the same numbers in both splits, and 3 of 3")
sys.exit(not (numbers["class_encode_column"][-1] == 0 and numbers["cast_column with names"][-1] == 3))
PYTHON
