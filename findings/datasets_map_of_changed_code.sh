#!/usr/bin/env bash
# `Dataset.map` keeps its rows under a hash of the function, and computes them anew where its code has changed. One would guess
# that this holds wherever the code is. Where the function, or one that it calls, was imported from a file of one's own, the name
# alone is hashed: after the file was changed, `map` gives the rows of the old code, without a warning. So a mistake mended in
# `preparation.py` is trained on again. A changed function of the script itself is noticed. `load_from_cache_file=False` helps.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check datasets==5.2.0 2> /dev/null
echo '{"text": "a cat"}' > rows.jsonl
cat > preparation.py <<'PYTHON'
def prompt(text):
    return "old " + text


def prepared(row):
    return {"prompt": prompt(row["text"])}
PYTHON
cat > train.py <<'PYTHON'
import datasets
import preparation
from datasets import load_dataset

datasets.disable_progress_bars()
data = load_dataset("json", data_files="rows.jsonl", split="train")


def calling(row):
    return {"prompt": preparation.prompt(row["text"])}


def of_the_script(row):
    return {"prompt": "old " + row["text"]}


found = {
    "imported": data.map(preparation.prepared),
    "calls an imported one": data.map(calling),
    "of the script": data.map(of_the_script),
    "imported, load_from_cache_file=False": data.map(preparation.prepared, load_from_cache_file=False),
}
for name, rows in found.items():
    print(f"{name}: {rows[0]['prompt']}")
PYTHON
export HF_HOME="$work/home" PYTHONDONTWRITEBYTECODE=1
venv/bin/python -c "from importlib.metadata import version; print('datasets', version('datasets'))"
before=$(venv/bin/python train.py); echo "before:"; echo "$before"
sed -i 's/"old "/"new "/' preparation.py train.py
after=$(venv/bin/python train.py); echo "after the code was changed:"; echo "$after"
echo "expected of each: new a cat"
seen="imported: old a cat
calls an imported one: old a cat
of the script: new a cat
imported, load_from_cache_file=False: new a cat"
[ "$(grep -c 'old a cat' <<< "$before")" = 4 ] && [ "$after" = "$seen" ]
