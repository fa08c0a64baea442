#!/usr/bin/env bash
# One would guess that whoever compiles a JSON schema decides what llguidance does with keywords that it cannot hold, and that
# a client's schema is data. A schema may carry "x-guidance": {"lenient": true}: then `not`, `uniqueItems` and all others are
# dropped in silence, and answers are allowed that the schema forbids. `overrides` of grammar_from_json_schema win over it,
# `defaults` do not. Who takes schemas from a network passes overrides.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check llguidance==1.9.1 2> /dev/null
"$work/venv/bin/python" - <<'PYTHON'
import json
import sys
from importlib.metadata import version

from llguidance import LLMatcher

plain = {"type": "array", "items": {"type": "integer"}, "uniqueItems": True}
lenient = {**plain, "x-guidance": {"lenient": True}}
strict = {"lenient": False}


def refusal(schema, **options):
    return LLMatcher.validate_grammar(LLMatcher.grammar_from_json_schema(json.dumps(schema), **options), None)


seen = [refusal(plain), refusal(lenient), refusal(lenient, defaults=strict), refusal(lenient, overrides=strict)]
print("llguidance", version("llguidance"))
for name, found in zip(("plain", "lenient", "lenient, defaults", "lenient, overrides"), seen):
    print(f"{name}: {found or 'accepted'} (one would expect a refusal)")
sys.exit([bool(found) for found in seen] != [True, False, False, True])
PYTHON
