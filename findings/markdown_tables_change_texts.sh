#!/usr/bin/env bash
# One would guess that `to_markdown` of pandas writes the texts of a table as they are: labels for a page that was rendered from
# the same frame. tabulate, which does it, reads texts as numbers where a whole column may be read so: "007" becomes 7, "1e3"
# becomes 1000, "12.50" becomes 12.5, spaces at the start go. A | inside a cell stays as it is, and the row has one cell more.
# `disable_numparse=True` helps with the numbers, nothing with the |. HTML by tabulate changes the numbers too; `to_html` and
# `to_csv` of pandas do not.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check pandas==3.1.1 tabulate==0.10.0 numpy==2.4.6 2> /dev/null
"$work/venv/bin/python" - <<'PYTHON'
import sys
from importlib.metadata import version

import pandas as pd

print("pandas", version("pandas"), "tabulate", version("tabulate"))
frame = pd.DataFrame({
    "part": ["007", "1e3", "12.50"],
    "price": ["0.50", "3.25", "10"],
    "size": ["10", "20|40", "  30"],
})


def cells(markdown):
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in markdown.splitlines()[2:]]


expected = [[text.strip() for text in row] for row in frame.values.tolist()]
written = cells(frame.to_markdown(index=False))
plain = cells(frame.to_markdown(index=False, disable_numparse=True))
print("column types:", ", ".join(map(str, frame.dtypes)))
print("expected:                ", expected)
print("to_markdown:             ", written)
print("with disable_numparse:   ", plain)
html = "".join(frame.to_html(index=False).split())
changed = [row[:2] for row in written] == [["7", "0.5"], ["1000", "3.25"], ["12.5", "10"]]
torn = [len(row) for row in written] == [len(row) for row in plain] == [3, 4, 3]
kept = [row[:2] for row in plain] == [row[:2] for row in expected] and all(f"<td>{text}</td>" in html for text in ("007", "12.50"))
sys.exit(not (changed and torn and kept))
PYTHON
