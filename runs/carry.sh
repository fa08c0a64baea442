#!/usr/bin/env bash
# bash runs/carry.sh [PYTHON] [PACKAGE ...]: all that a machine with PyTorch and transformers, but no network, lacks, into
# runs/carried. PYTHON is its version, 3.12 if none is named; `3.12 av` is for the job rl, and 34 MB more.
set -euo pipefail
cd "$(dirname "$0")/.."
python=.venv/bin/python
[ -x $python ] || python=python3

# Faces, prose and words are packages too. Most are pure Python, and not all have wheels: those are built here.
version=${1:-3.12}
packages=(rapidfuzz "filelock>=4" "${@:2}")
mapfile -t -O ${#packages[@]} packages < <($python -c 'import tomllib
extras = tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["train"]
print(*(package for package in extras if not package.startswith("demiglace")), sep="\n")')
platforms=()
for number in 28 27 24 17; do platforms+=(--platform "manylinux_2_${number}_x86_64"); done
for package in "${packages[@]}"; do
  $python -m pip download --quiet --no-deps --only-binary=:all: --python-version "$version" --implementation cp \
    "${platforms[@]}" --platform manylinux2014_x86_64 --dest runs/carried "$package" 2>/dev/null ||
    $python -m pip wheel --quiet --no-deps --wheel-dir runs/carried "$package"
done

# The glyphs of all faces, drawn once: a minute that no GPU waits for.
PYTHONPATH=src $python -c 'from pathlib import Path
from demiglace.typography.fonts import training_faces
from demiglace.typography.glyph_atlas import draw_atlas
draw_atlas(training_faces()).save(Path("runs/carried/atlas.safetensors"))'
du -sh runs/carried
