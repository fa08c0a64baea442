#!/usr/bin/env bash
# One would guess that a tar shard gives every file that was packed. A file of two names (`cp -l`, tools that link duplicates, a
# class repeated by links) is stored once: GNU tar and `TarFile.add` write its second name as a link without contents, which
# `tar -x` turns into a file again. webdataset and the "webdataset" loader of `datasets` take regular members only: samples of
# links are gone, and of a sample with one link only the rest comes. `tar --hard-dereference` or `TarFile.dereference` packs copies.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
export HF_HUB_OFFLINE=1 HF_HOME=$work/cache
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check webdataset==1.0.2 datasets==5.2.0 pillow==13.0.0 numpy==2.4.6 2> /dev/null
venv/bin/python - 2> /dev/null <<'PYTHON'
import os
import sys
import tarfile
from importlib.metadata import version
from pathlib import Path

import datasets
import webdataset

datasets.disable_progress_bars()
print("webdataset", version("webdataset"), "datasets", version("datasets"))
for number in range(8):
    Path(f"{number}.jpg").write_bytes(b"picture %d" % number)
    Path(f"{number}.txt").write_text(f"caption {number}")
for number in (8, 9):  # sample 7 twice more
    os.link("7.jpg", f"{number}.jpg")
    os.link("7.txt", f"{number}.txt")
Path("10.txt").write_text("another caption")
os.link("7.jpg", "10.jpg")
packed = [f"{number}.{extension}" for number in range(11) for extension in ("jpg", "txt")]
with tarfile.open("all.tar", "w") as tar, tarfile.open("whole.tar", "w") as whole, tarfile.open("copies.tar", "w") as copies:
    copies.dereference = True
    for name in packed:
        tar.add(name)
        copies.add(name)
        if not name.startswith("10."):  # datasets refuses a shard whose first samples differ, and this one only at the end
            whole.add(name)


def by_webdataset(path):
    shard = webdataset.WebDataset(path, shardshuffle=False)
    return {sample["__key__"]: sorted(key for key in sample if not key.startswith("_")) for sample in shard}


found, from_copies = by_webdataset("all.tar"), by_webdataset("copies.tar")
rows = datasets.load_dataset("webdataset", data_files="whole.tar", split="train").num_rows
print("expected of webdataset: 11 samples, each with jpg and txt; of datasets: 10")
print(f"webdataset: {len(found)} samples, number 10 with {found['10']}; datasets: {rows}")
print(f"packed as copies: {len(from_copies)} samples, number 10 with {from_copies['10']}")
same = sorted(found) == sorted(map(str, (*range(8), 10))) and found["10"] == ["txt"] and rows == 8
sys.exit(not (same and len(from_copies) == 11 and from_copies["10"] == ["jpg", "txt"]))
PYTHON
