#!/usr/bin/env bash
# bash runs/gpu.sh JOB [--tiny] [--minutes M] [--folder FOLDER] [--out FOLDER]: one job on one GPU, see docs/gpu.md.
set -euo pipefail
cd "$(dirname "$0")/.."

# Where the system's Python has no PyTorch, the project's own environment is made, which needs a network.
python=.venv/bin/python
if [ ! -x $python ]; then
  python=python3
  $python -c 'import torch' 2>/dev/null || { make --silent .venv/dev && python=.venv/bin/python; }
fi

# What runs/carry.sh has brought along.
site=runs/site
if [ ! -d $site ] && compgen -G "runs/carried/*.whl" >/dev/null; then
  mapfile -t names < <(cd runs/carried && for wheel in *.whl; do echo "${wheel%%-*}"; done | sort -u)
  $python -m pip install --quiet --no-index --no-deps --no-compile --find-links runs/carried --target $site.part "${names[@]}"
  mv $site.part $site
fi

export PYTHONPATH=src:benchmarks:runs:$site OMP_NUM_THREADS=1
exec $python runs/gpu.py "$@"
