#!/usr/bin/env bash
# One would guess that a distributed checkpoint of which a file is missing cannot be loaded. With safetensors
# (`HuggingFaceStorageReader`) torch takes the size of a tensor from the parts that are there. Where the last part is missing the
# tensor is too small and that is told. Where any other is missing torch loads the rest and leaves the gap as it was, without an
# error or a warning. Whoever resumes from a folder that was copied in part goes on with weights that are half new and half
# old: count the parts first. And what is raised where a process fails, `CheckpointException`, is no `Exception`.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6 safetensors==0.8.0 2> /dev/null
cat > "$work/save.py" <<'PYTHON'
import sys

import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import Shard, distribute_tensor

dist.init_process_group("gloo")
mesh = init_device_mesh("cpu", (2,))
whole = torch.arange(8.0)
part = distribute_tensor(whole, mesh, [Shard(0)])
dcp.save({"weight": part}, storage_writer=dcp.HuggingFaceStorageWriter(sys.argv[1], save_distributed=True))
dist.destroy_process_group()
PYTHON
"$work/venv/bin/python" -m torch.distributed.run --standalone --nproc-per-node 2 "$work/save.py" "$work/saved" 2> /dev/null
"$work/venv/bin/python" - "$work/saved" <<'PYTHON'
import sys
import warnings
from pathlib import Path

import torch
import torch.distributed.checkpoint as dcp
from torch.distributed.checkpoint.api import CheckpointException

folder = Path(sys.argv[1])


def loaded():
    weight = torch.full((8,), -1.0)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        dcp.load({"weight": weight}, storage_reader=dcp.HuggingFaceStorageReader(str(folder)), no_dist=True)
    return weight.tolist(), [str(one.message) for one in told if "torch.distributed is disabled" not in str(one.message)]


files = sorted(folder.glob("*.safetensors"))
print(f"torch {torch.__version__}, files {[file.name for file in files]}")
complete, _ = loaded()
files[0].unlink()
torn, told = loaded()
print(f"all files: {complete}")
print(f"one of them missing: {torn}, warnings {told}")
print(f"CheckpointException is an Exception: {issubclass(CheckpointException, Exception)}")
print("expected: without an error the first half keeps what was there before (-1); no Exception")
is_as_expected = complete == [float(i) for i in range(8)] and torn == [-1.0, -1.0, -1.0, -1.0, 4.0, 5.0, 6.0, 7.0]
sys.exit(not (len(files) == 2 and is_as_expected and not issubclass(CheckpointException, Exception)))
PYTHON
