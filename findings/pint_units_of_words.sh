#!/usr/bin/env bash
# One would guess that a registry of units knows units and refuses words. pint puts prefixes before everything: "a" is a year,
# "as" an attosecond, "cat" a centi-technical-atmosphere, "kilos" kiloseconds, "pct" picocarats; and what people write for money
# or data is another thing or none: "RM" is a ronnamolar, "mb" a millibarn, "EUR" and "dollars" are undefined. Used to find what stands
# behind a number in a sentence, it finds units in prose.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check pint==0.25.3
"$work/venv/bin/python" - <<'PYTHON'
import sys
from importlib.metadata import version

from pint import UndefinedUnitError, UnitRegistry

print("pint", version("pint"))
registry = UnitRegistry()
expected = {
    "a": "year",
    "as": "attosecond",
    "cat": "centitechnical_atmosphere",
    "kilos": "kilosecond",
    "pct": "picocarat",
    "RM": "ronnamolar",
    "mb": "millibarn",
    "EUR": None,
    "dollars": None,
}
seen = {}
for word in expected:
    try:
        seen[word] = str(registry.parse_units(word))
    except UndefinedUnitError:
        seen[word] = None
    print(f"{word!r}: {seen[word] or 'undefined'}")
sys.exit(seen != expected)
PYTHON
