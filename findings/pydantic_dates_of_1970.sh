#!/usr/bin/env bash
# A `datetime` field of pydantic reads texts of ISO 8601, and one would guess that it reads its basic form, "20240131", or refuses
# it. It takes it as seconds since 1970: August 23, 1970. A year, "2024" or 2024, is half past midnight of January 1, 1970, and
# "0930" a quarter past. Structured output that a model gives for a receipt or a form becomes a valid object with a date that is in
# no document; `strict` does not help, as it refuses only the numbers. The standard library reads the first as meant. A `date` field
# raises an error in most of these cases.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check pydantic==2.14.3 2> /dev/null
"$work/venv/bin/python" - <<'PYTHON'
import json
import sys
from datetime import datetime

import pydantic

print("pydantic", pydantic.VERSION, "Python", sys.version.split()[0])


class Receipt(pydantic.BaseModel):
    when: datetime


class Strict(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(strict=True)
    when: datetime


def read(model, answer):
    try:
        return model.model_validate_json(json.dumps({"when": answer})).when.strftime("%Y-%m-%d %H:%M")
    except pydantic.ValidationError:
        return "refused"


seen = {}
for answer in ("2024-01-31", "20240131", 20240131, "2024", 2024, "0930"):
    try:
        library = datetime.fromisoformat(str(answer)).strftime("%Y-%m-%d %H:%M")
    except ValueError:
        library = "refused"
    seen[answer] = read(Receipt, answer), read(Strict, answer)
    print(f"{answer!r}: {seen[answer][0]} by pydantic, {seen[answer][1]} if strict; {library} by datetime.fromisoformat")
print("expected: 2024-01-31 in the first two lines, and nothing of 1970")
lax = [when for when, _ in seen.values()]
strict = [when for _, when in seen.values()]
wrong = ["1970-08-23 06:15"] * 2 + ["1970-01-01 00:33"] * 2 + ["1970-01-01 00:15"]
sys.exit(lax != ["2024-01-31 00:00", *wrong] or strict[1::2] != wrong[::2])
PYTHON
