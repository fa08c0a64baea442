#!/usr/bin/env bash
# `"multipleOf": 0.01` in a JSON schema asks for an amount of money. One would guess that a validator finds every price with
# two decimals valid. jsonschema divides binary numbers and wants a whole quotient: 0.07, 0.14, 19.99 and one price in nine up to
# 1000 are invalid, so right answers count as wrong, whereas fastjsonschema and jsonschema-rs find all of them valid and refuse
# 0.015. With `json.loads(..., parse_float=Decimal)` for the schema and the instance, jsonschema is right too.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 2> /dev/null \
    jsonschema==4.26.0 fastjsonschema==2.22.3 jsonschema-rs==0.61.2
"$work/venv/bin/python" - <<'PYTHON'
import json
import sys
from decimal import Decimal
from importlib.metadata import version

import fastjsonschema
import jsonschema
import jsonschema_rs

for name in ("jsonschema", "fastjsonschema", "jsonschema-rs"):
    print(name, version(name))
schema = '{"type": "number", "multipleOf": 0.01}'
compiled = fastjsonschema.compile(json.loads(schema))


def by_fastjsonschema(number):
    try:
        compiled(number)
    except fastjsonschema.JsonSchemaValueException:
        return False
    return True


def decimal(text):
    return json.loads(text, parse_float=Decimal)


exact = jsonschema.Draft202012Validator(decimal(schema))
validators = {
    "jsonschema": (jsonschema.Draft202012Validator(json.loads(schema)).is_valid, json.loads),
    "jsonschema of Decimal": (exact.is_valid, decimal),
    "fastjsonschema": (by_fastjsonschema, json.loads),
    "jsonschema-rs": (jsonschema_rs.validator_for(json.loads(schema)).is_valid, json.loads),
}
prices = [f"{cents // 100}.{cents % 100:02}" for cents in range(1, 100001)]
refused = {}
print(f"expected: none of {len(prices)} prices refused, 0.015 refused")
for name, (is_valid, read) in validators.items():
    refused[name] = [price for price in prices if not is_valid(read(price))]
    wrong = is_valid(read("0.015"))
    print(f"{name}: {len(refused[name])} refused, {refused[name][:4]}; 0.015", "accepted" if wrong else "refused")
    if wrong:
        sys.exit(1)
counts = [len(prices) for prices in refused.values()]
sys.exit(not (counts == [11426, 0, 0, 0] and "19.99" in refused["jsonschema"]))
PYTHON
