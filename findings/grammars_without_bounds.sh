#!/usr/bin/env bash
# One would guess that an answer which was held to a JSON schema keeps to it, or that the library says what it cannot hold.
# outlines-core and lm-format-enforcer drop `minimum`, `maximum`, `multipleOf` and `uniqueItems` without a word: a box of
# "integers from 0 to 1000" may be [-5, 99999, 7, 7]. lm-format-enforcer also passes any text as a date, and any order of types
# where `prefixItems` names them. Lengths and patterns both keep. Check the answer against the schema too.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 2> /dev/null \
    outlines-core==0.2.14 lm-format-enforcer==0.11.3 jsonschema==4.26.0
"$work/venv/bin/python" - 2> /dev/null <<'PYTHON'
import json
import re
import sys
from importlib.metadata import version

from jsonschema import Draft202012Validator, FormatChecker
from lmformatenforcer import JsonSchemaParser
from outlines_core.json_schema import build_regex_from_schema

print(", ".join(f"{name} {version(name)}" for name in ("outlines-core", "lm-format-enforcer", "jsonschema")))


def by_outlines(schema, text):
    return re.fullmatch(build_regex_from_schema(json.dumps(schema)), text) is not None


def by_enforcer(schema, text):
    parser = JsonSchemaParser(schema)
    for letter in text:
        if letter not in parser.get_allowed_characters():
            return False
        parser = parser.add_character(letter)
    return parser.can_end()


BOX = {"type": "array", "items": {"type": "integer", "minimum": 0, "maximum": 1000}, "minItems": 4, "maxItems": 4}
PAIR = {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}], "minItems": 2, "maxItems": 2, "items": False}
CASES = [  # schema of the field, a wrong value, a right one, whether outlines-core and lm-format-enforcer pass the wrong one
    (BOX, "[-5, 99999, 7, 7]", "[5, 999, 7, 7]", (True, True)),
    (BOX, "[5, 999, 7]", "[5, 999, 7, 8]", (False, False)),
    ({"type": "number", "minimum": 0, "maximum": 1}, "7.5", "0.5", (True, True)),
    ({"type": "integer", "multipleOf": 5}, "7", "10", (True, True)),
    ({"type": "array", "items": {"type": "integer"}, "uniqueItems": True}, "[3, 3]", "[3, 4]", (True, True)),
    ({"type": "string", "maxLength": 3}, '"abcd"', '"abc"', (False, False)),
    ({"type": "string", "pattern": "^[0-9]+$"}, '"x"', '"7"', (False, False)),
    ({"type": "string", "format": "date"}, '"soon"', '"2026-01-31"', (False, True)),
    (PAIR, '["a", 1]', '[1, "a"]', (False, True)),
]
same = True
print("expected: no value passes that jsonschema finds wrong")
for field, wrong, right, passes in CASES:
    schema = {"type": "object", "properties": {"a": field}, "required": ["a"], "additionalProperties": False}
    check = Draft202012Validator(schema, format_checker=FormatChecker())
    seen = []
    for value in (wrong, right):
        text = f'{{"a": {value}}}'
        seen.append((check.is_valid(json.loads(text)), by_outlines(schema, text), by_enforcer(schema, text)))
    same &= seen == [(False, *passes), (True, True, True)]
    told = " and ".join(name for name, passed in zip(("outlines-core", "lm-format-enforcer"), seen[0][1:]) if passed) or "none"
    print(f"{json.dumps({key: field[key] for key in list(field)[1:]})}: {wrong} is passed by {told}")
sys.exit(not same)
PYTHON
