#!/usr/bin/env bash
# bash runs/nano.sh [--folder FOLDER] [--tiny] [--list]: from nothing to the nano model that ships, see docs/nano.md.
set -euo pipefail
cd "$(dirname "$0")/.."
python=.venv/bin/python
[ -x $python ] || { make --silent .venv/dev; }
export PYTHONPATH=src OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
exec $python runs/nano.py "$@"
