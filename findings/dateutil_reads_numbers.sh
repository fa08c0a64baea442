#!/usr/bin/env bash
# One would guess that a parser of dates refuses what is no date. python-dateutil fills in whatever is missing from today: "3.5",
# "12" and "10-5" are days of this year, "2024" is today's day in 2024; and 03/04/2024 is March 4 without a word, though half of
# the world means April 3. Used to compare answers, it takes prices for dates and one day for another.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check python-dateutil==4.0.0
"$work/venv/bin/python" - <<'PYTHON'
import sys
from datetime import date
from importlib.metadata import version

from dateutil import parser

print("python-dateutil", version("python-dateutil"))
taken = []
for text in ("3.5", "12", "10-5", "2024", "May"):
    day = parser.parse(text).date()
    taken.append(day)
    print(f"{text!r}: one would expect a refusal, seen {day}")
days = [date(2024, 1 + number // 28, 1 + number % 28) for number in range(336)]
wrong = sum(parser.parse(day.strftime("%d/%m/%Y")).date() != day for day in days)
print(f"{len(days)} days written day/month/year: {wrong} read as another day, none refused")
sys.exit(not (len(taken) == 5 and wrong == 132))
PYTHON
