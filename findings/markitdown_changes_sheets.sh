#!/usr/bin/env bash
# MarkItDown turns a spreadsheet into a Markdown table for a language model. One would guess that its numbers are those of the
# sheet. It reads by pandas and writes by `to_html`, which shows a column of numbers as for a terminal: one empty cell makes all
# numbers of the column decimal, with six digits after the first, so invoice 20240012345 becomes 2.024001e+10, the same as the
# next invoice. An empty cell is "NaN", but so are the texts "None" and "N/A"; TRUE beside an empty cell is 1.0, "007" is 7.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check 2> /dev/null \
    "markitdown[xlsx]==0.1.9" pandas==3.1.1 openpyxl==3.1.5 numpy==2.4.6
venv/bin/python - 2> /dev/null <<'PYTHON'
import sys
from importlib.metadata import version

import openpyxl
from markitdown import MarkItDown

for name in ("markitdown", "pandas", "openpyxl"):
    print(name, version(name))
rows = [
    ["Invoice", "Pieces", "Paid", "Place", "Code"],
    [20240012345, 12, True, "N/A", "007"],
    [20240012346, 7, None, "None", "0049"],
    [None, None, False, "Nice", "12"],
]
book = openpyxl.Workbook()
for row in rows:
    book.active.append(row)
book.save("sheet.xlsx")
lines = MarkItDown().convert("sheet.xlsx").text_content.splitlines()
cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
print("expected:  ", rows[1:])
print("MarkItDown:", cells[2:])
expected = [
    ["2.024001e+10", "12.0", "1.0", "NaN", "7"],
    ["2.024001e+10", "7.0", "NaN", "NaN", "49"],
    ["NaN", "NaN", "0.0", "Nice", "12"],
]
sys.exit(cells[2:] != expected)
PYTHON
