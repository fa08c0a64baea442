#!/usr/bin/env bash
# bash runs/wheels.sh: wheels into runs/wheels, of what a machine with PyTorch and transformers usually lacks; it needs a network.
set -euo pipefail
cd "$(dirname "$0")/.."
python=.venv/bin/python
[ -x $python ] || python=python3
packages=(rapidfuzz pypdfium2)

platforms=()
for number in 28 27 24 17; do platforms+=(--platform "manylinux_2_${number}_x86_64"); done
$python -m pip download --quiet --no-deps --only-binary=:all: --python-version 3.12 --implementation cp \
  "${platforms[@]}" --platform manylinux2014_x86_64 --dest runs/wheels "${packages[@]}"
du -sh runs/wheels
