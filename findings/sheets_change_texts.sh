#!/usr/bin/env bash
# One would guess: texts that pandas writes into a column of a sheet and reads back are the same texts.
# What happens (pandas 3.0.2, XlsxWriter 3.2.9, openpyxl 3.1.5): "None" and "N/A" come back as missing, a column of texts that
# are all numbers as numbers ("007" as 7), and with XlsxWriter a text that begins with "=" as a formula whose value is 0.
# Why it matters: evaluation kits store the answers of a model so and score what comes back; a right "007" is then wrong.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pandas==3.0.2 xlsxwriter==3.2.9 openpyxl==3.1.5
"$folder/venv/bin/python" - "$folder/sheet.xlsx" <<'PYTHON'
import sys
from importlib.metadata import version

import pandas

print("Python", sys.version.split()[0], *(f"{name} {version(name)}" for name in ("pandas", "xlsxwriter", "openpyxl")))


def back(*texts, engine="xlsxwriter"):
    pandas.DataFrame({"said": texts}).to_excel(sys.argv[1], index=False, engine=engine)
    return [str(text) for text in pandas.read_excel(sys.argv[1])["said"]]


cases = {
    ("None", "N/A", "yes"): ["nan", "nan", "yes"],
    ("007", "12"): ["7", "12"],
    ("007", "12", "yes"): ["007", "12", "yes"],
    ("0.10", "None"): ["0.1", "nan"],
    ("= 5", "yes"): ["0", "yes"],
}
seen = {texts: back(*texts) for texts in cases}
for texts, found in seen.items():
    print(f"written {list(texts)}, read {found}")
sys.exit(0 if seen == cases else 1)
PYTHON
