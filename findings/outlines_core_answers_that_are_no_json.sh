#!/usr/bin/env bash
# One would guess that an answer held to a JSON schema is JSON, whatever else it lacks. outlines-core puts a `pattern` between two
# quotes as it is: a dot or [^,] in it also stands for a quote and for a backslash. So a name of "^.{1,40}$" may be 24" screen,
# which no parser reads, and may close its text and add fields that the schema forbids. The parts of `allOf` it writes one after
# the other: {"a": 1}{"b": 2} is allowed of two objects, and {"a": 1, "b": 2} is refused. Of `required` it drops
# names that `properties` lacks. lm-format-enforcer allows none of these. Use maxLength for a length, and classes such as [^",\\].
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 2> /dev/null \
    outlines-core==0.2.14 lm-format-enforcer==0.11.3 jsonschema==4.26.0
"$work/venv/bin/python" - 2> /dev/null <<'PYTHON'
import json
import sys
from importlib.metadata import version

from jsonschema import Draft202012Validator
from lmformatenforcer import JsonSchemaParser
from outlines_core import Guide, Index, Vocabulary
from outlines_core.json_schema import build_regex_from_schema

print(", ".join(f"{name} {version(name)}" for name in ("outlines-core", "lm-format-enforcer", "jsonschema")))
LETTERS = [chr(code) for code in range(32, 127)]  # one token each, behind the end, which is token 0
VOCABULARY = Vocabulary(0, {letter: [number] for number, letter in enumerate(LETTERS, 1)})


def by_outlines(schema, text):
    guide = Guide(Index(build_regex_from_schema(json.dumps(schema)), VOCABULARY))
    for letter in text:
        token = LETTERS.index(letter) + 1
        if token not in guide.get_tokens():
            return False
        guide.advance(token)
    return 0 in guide.get_tokens()


def by_enforcer(schema, text):
    parser = JsonSchemaParser(schema)
    for letter in text:
        if letter not in parser.get_allowed_characters():
            return False
        parser = parser.add_character(letter)
    return parser.can_end()


def is_right(schema, text):
    try:
        return Draft202012Validator(schema).is_valid(json.loads(text))
    except json.JSONDecodeError:
        return "no JSON"


def record(**properties):
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


NUMBER = {"type": "integer"}
ANY_NAME = record(name={"type": "string", "pattern": "^.{1,40}$"}, price=NUMBER)
NO_COMMA = record(name={"type": "string", "pattern": "^[^,]+$"}, price=NUMBER)
SHORT = record(name={"type": "string", "maxLength": 40}, price=NUMBER)
BOTH = {"allOf": [{"type": "object", "properties": {key: NUMBER}, "required": [key]} for key in "ab"]}
CASES = [  # schema, answer, and whether it is right, allowed by outlines-core and by lm-format-enforcer
    (ANY_NAME, r'{"name": "screen", "price": 3}', (True, True, True)),
    (ANY_NAME, r'{"name": "24" screen", "price": 3}', ("no JSON", True, False)),
    (ANY_NAME, r'{"name": "C:\old", "price": 3}', ("no JSON", True, False)),
    (ANY_NAME, r'{"name": "ink", "paid": true, "x": "", "price": 3}', (False, True, False)),
    (NO_COMMA, r'{"name": "24" screen", "price": 3}', ("no JSON", True, False)),
    (SHORT, r'{"name": "24" screen", "price": 3}', ("no JSON", False, False)),
    (BOTH, r'{"a": 1, "b": 2}', (True, False, True)),
    (BOTH, r'{"a": 1}{"b": 2}', ("no JSON", True, False)),
    ({**record(a=NUMBER), "required": ["a", "b"]}, r'{"a": 1}', (False, True, False)),
]
same = True
for schema, text, expected in CASES:
    seen = tuple(find(schema, text) for find in (is_right, by_outlines, by_enforcer))
    same &= seen == expected
    print(f"{text}: right {seen[0]}, allowed by outlines-core {seen[1]}, by lm-format-enforcer {seen[2]}")
print("expected: only right answers are allowed")
sys.exit(not same)
PYTHON
