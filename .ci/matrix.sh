#!/usr/bin/env bash
# One environment of `make matrix`: made in .venv-matrix/NAME, the fast tests run in it, a line for the table written.
#   oldest                   Python 3.11 with every dependency at the lower bound that pyproject.toml states
#   newest                   Python 3.11 with what pip takes today, without constraints.txt
#   python3.12, python3.13   the same with another Python
# MATRIX_TESTS: arguments of pytest in the place of the fast tests. Exit status: pytest's, or 3 without such a Python.
set -euo pipefail
cd "$(dirname "$0")/.."
name=$1
environment=.venv-matrix/$name
interpreter=$([[ $name == python* ]] && echo "$name" || echo python3.11)
mkdir -p .venv-matrix

note() { printf '%-12s %s\n' "$name" "$1" >"$environment.result"; }

# The lower bounds, as constraints.
oldest() {
  "$interpreter" - <<'PYTHON'
import re, tomllib
project = tomllib.load(open("pyproject.toml", "rb"))["project"]
for line in [*project["dependencies"], *sum(project["optional-dependencies"].values(), [])]:
    if bound := re.match(r"([\w-]+)>=([\d.]+)", line):
        print("==".join(bound.groups()))
PYTHON
}

if ! "$interpreter" --version >/dev/null 2>&1; then
  note "$interpreter is not here"
  exit 3
fi
if [[ ! $environment/ready -nt pyproject.toml ]]; then
  note "could not be installed"
  rm -rf "$environment"
  "$interpreter" -m venv "$environment"
  : >"$environment/constraints.txt"
  [[ $name != oldest ]] || oldest | sort -u >"$environment/constraints.txt"
  "$environment/bin/python" -m pip install --quiet --upgrade pip
  "$environment/bin/python" -m pip install --quiet --no-compile -c "$environment/constraints.txt" -e ".[dev]"
  touch "$environment/ready"
fi

status=0
# shellcheck disable=SC2086  # several arguments in one variable
PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 "$environment/bin/python" -m pytest -q -p no:cacheprovider ${MATRIX_TESTS:--n auto -m "not slow and not gpu"} \
  >"$environment.log" 2>&1 || status=$?
note "$("$environment/bin/python" -c '
from importlib.metadata import version
print(*(f"{name} {version(name)}" for name in ("torch", "numpy", "transformers", "av", "pillow")), sep=", ")
'): $(tail -n 1 "$environment.log")"
exit "$status"
