#!/usr/bin/env bash
# One would guess: TEDS is a similarity between 0 and 1, as its formula says: 1 - edit distance / nodes of the larger tree.
# What happens (the authors' code of PubTabNet, as ms-vlmeval 0.0.20 has it): the distance is that of trees with the table node,
# the nodes are counted without it. The score of small tables differs from the formula, and can be negative.
# Why it matters: a mean over pages takes off points for a wrong table, where no table at all takes none.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check apted==1.0.3 lxml==6.1.0 distance==0.1.3
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps ms-vlmeval==0.0.20
"$folder/venv/bin/python" - <<'PYTHON'
import ast
import sys
from collections import deque
from importlib.metadata import distribution, version

import distance
from apted import APTED, Config
from apted.helpers import Tree
from lxml import html

print("Python", sys.version.split()[0], *(f"{name} {version(name)}" for name in ("ms-vlmeval", "apted", "lxml")))
# The module imports a dozen packages for other scores: its three classes of this one are run alone.
path = distribution("ms-vlmeval").locate_file("vlmeval/dataset/utils/Ocrbench_v2/TEDS_metric.py")
wanted = ("TableTree", "CustomConfig", "TEDS")
classes = [node for node in ast.parse(path.read_text()).body if getattr(node, "name", "") in wanted]
names = {"APTED": APTED, "Config": Config, "Tree": Tree, "html": html, "deque": deque, "distance": distance}
exec(compile(ast.Module(classes, []), str(path), "exec"), names)


def teds(one, other):
    documents = [f"<html><body><table>{table}</table></body></html>" for table in (one, other)]
    return round(names["TEDS"]().evaluate(*documents), 3)


row = "<tr><td>Total</td><td></td><td>x y</td></tr>"
rows = '<tr><td colspan="3">12</td></tr><tr><td>total</td></tr>'
print("two small tables: seen", teds(row, rows), "; their trees have 5 nodes")
print("the same table twice: seen", teds(row, row))
sys.exit(0 if teds(row, rows) < 0 and teds(row, row) == 1 else 1)
PYTHON
