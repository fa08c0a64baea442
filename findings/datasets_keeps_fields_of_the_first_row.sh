#!/usr/bin/env bash
# Records of one file may have different fields: the first asks in words alone, the next shows a picture. `from_list` of `datasets`
# says that the first entry names the columns. One would guess that `from_generator` and `map`, which say nothing of it, find the
# others: a field that the first row has not is left out of every row, without an error or a warning. JSON Lines of the same rows
# keep it. Give every row every field, None where it has none.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check datasets==5.2.0 2> /dev/null
cat > fields.py <<'PYTHON'
import json
import sys

import datasets
from datasets import Dataset, load_dataset

datasets.disable_progress_bars()
print("datasets", datasets.__version__)
ROWS = [{"question": "How much is 3 + 4?"}, {"question": "What is it?", "image": "a.png"}]


def rows():
    yield from ROWS


def with_picture(row):
    return {} if "+" in row["question"] else {"image": "a.png"}


with open("rows.jsonl", "w") as file:
    file.writelines(json.dumps(row) + "\n" for row in ROWS)
questions = Dataset.from_dict({"question": [row["question"] for row in ROWS]})
found = {
    "from_generator": Dataset.from_generator(rows).column_names,
    "map": questions.map(with_picture).column_names,
    "JSON Lines": load_dataset("json", data_files="rows.jsonl", split="train").column_names,
}
for name, columns in found.items():
    print(f"{name}: {columns}")
print("expected of each: a column 'image'")
sys.exit(["image" in columns for columns in found.values()] != [False, False, True])
PYTHON
HF_HOME="$work/home" venv/bin/python fields.py
