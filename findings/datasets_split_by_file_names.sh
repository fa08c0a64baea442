#!/usr/bin/env bash
# One would guess that `load_dataset("imagefolder", data_dir=...)` or `"json"` loads all files of a folder. Where the name of
# one file holds the word train, test, dev, eval, valid or the like between signs, `datasets` takes it for a split and leaves
# out every file whose name has no such word, without a warning: of a folder of pictures "test-tube.png" remains alone. Names of
# folders count too. With `data_files="folder/**"` all are loaded.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check datasets==5.2.0 pillow==13.0.0 2> /dev/null
cat > splits.py <<'PYTHON'
import json
import sys
from pathlib import Path

import datasets
from datasets import load_dataset
from PIL import Image

datasets.disable_progress_bars()
print("datasets", datasets.__version__)
PICTURES = ["apple", "bread", "cup", "dish"]
found = {}
for name, more in (("plain", "tube"), ("hyphen", "test-tube"), ("joined", "testtube"), ("folder", "dev/tube")):
    for stem in (*PICTURES, more):
        path = Path("pictures", name, f"{stem}.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8)).save(path)
    found[f"4 pictures and {more}.png"] = load_dataset("imagefolder", data_dir=f"pictures/{name}").num_rows
for name, more in (("even", "part-4"), ("eval", "self-eval")):
    for stem in ("part-0", "part-1", "part-2", "part-3", more):
        path = Path("rows", name, f"{stem}.jsonl")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"text": stem}) + "\n")
    found[f"4 files of JSON Lines and {more}.jsonl"] = load_dataset("json", data_dir=f"rows/{name}").num_rows
found["the pictures with test-tube.png by data_files"] = load_dataset("imagefolder", data_files="pictures/hyphen/**").num_rows
print("expected of each: 5 rows")
for name, rows in found.items():
    print(f"{name}: {rows}")
seen = list(found.values())
sys.exit(seen != [{"train": 5}, {"test": 1}, {"train": 5}, {"validation": 1}, {"train": 5}, {"test": 1}, {"train": 5}])
PYTHON
HF_HOME="$work/home" HF_HUB_OFFLINE=1 venv/bin/python splits.py
