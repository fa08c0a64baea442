#!/usr/bin/env bash
# In JSON a text in quotes is a text. One would guess that `load_dataset("json")` leaves it one, as `json.loads` and
# `Dataset.from_list` do, all the more where `features` name it "string". Where each text of a field in a block of the file looks
# like 2024-03-01, with or without a time, it is read as a timestamp: a `datetime`, or by `features` the text
# "2024-03-01 00:00:00", and 10:00+02:00 becomes 08:00. A right answer then scores 0. In a block that has one other text the dates
# stay as they are: one dataset may hold both forms. Nothing is said. The feature `Json()` keeps them, and so does reading the
# lines by `json` and giving them to `from_list`.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check datasets==5.2.0 2> /dev/null
cat > dates.py <<'PYTHON'
import json
import sys
import warnings
from collections import Counter

import datasets
from datasets import Dataset, Features, Json, Value, load_dataset

datasets.disable_progress_bars()
print("datasets", datasets.__version__)
warnings.simplefilter("error")
DAY, MOMENT = "2024-03-01", "2024-03-01T10:00:00+02:00"
TEXT, ANY = Features({"answer": Value("string")}), Features({"answer": Json()})


def rows(answers):
    return [{"answer": one} for one in answers]


def loaded(name, answers, **options):
    with open(f"{name}.jsonl", "w") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows(answers))
    return load_dataset("json", data_files=f"{name}.jsonl", split="train", **options)["answer"]


def many():
    """Days, one word in their midst, and blocks of 16 kB: of a file above 10 MB by default."""
    return loaded("many", [DAY] * 2000 + ["n/a"] + [DAY] * 2000, features=TEXT, chunksize=16 << 10)


found = {
    "days": (DAY, loaded("days", [DAY] * 2)),
    "moments": (MOMENT, loaded("moments", [MOMENT] * 2)),
    "days, features that say string": (DAY, loaded("named", [DAY] * 2, features=TEXT)),
    "many days and a word, features that say string": (DAY, many()),
    "days and a word": (DAY, loaded("word", [DAY, "n/a"])),
    "days, features that say Json": (DAY, loaded("any", [DAY] * 2, features=ANY)),
    "days by from_list": (DAY, Dataset.from_list(rows([DAY] * 2))["answer"]),
}
kept = []
for name, (written, read) in found.items():
    counted = Counter(repr(one) for one in read)
    print(f"{name}: written {written!r}, read {dict(counted)}")
    kept.append(set(counted) <= {repr(written), "'n/a'"})
both = {DAY, f"{DAY} 00:00:00", "n/a"}
print("expected of each: read as it was written")
sys.exit(not (kept == [False] * 4 + [True] * 3 and set(found["many days and a word, features that say string"][1]) == both))
PYTHON
HF_HOME="$work/home" HF_HUB_OFFLINE=1 venv/bin/python dates.py
