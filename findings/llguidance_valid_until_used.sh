#!/usr/bin/env bash
# One would guess that a grammar that validate_grammar passes can be followed, and that a list of choices may be long.
# llguidance counts the alternatives of a rule when an answer takes its first token: with more than 2000, as its own
# grammar_from("choice", ...) writes them, that token is refused although the mask allowed it, and the matcher is of no
# more use. The same choices as one terminal (a name in capitals) are an automaton, and as many as one likes.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check llguidance==1.9.1 2> /dev/null
"$work/venv/bin/python" - <<'PYTHON'
import json
import sys
from importlib.metadata import version

from llguidance import LLMatcher, LLTokenizer, TokenizerWrapper, grammar_from


class Bytes:
    eos_token_id, bos_token_id, special_token_ids = 256, None, [256]
    tokens = [*(bytes([byte]) for byte in range(256)), b"<end>"]

    def __call__(self, text):
        return list(text if isinstance(text, bytes) else text.encode())


TOKENS = LLTokenizer(TokenizerWrapper(Bytes()))


def first_token(grammar):
    """(what validation says, whether the mask allows the first byte, whether it is taken)."""
    matcher = LLMatcher(TOKENS, grammar, log_level=0)
    mask, byte = matcher.compute_bitmask(), ord("c")
    return LLMatcher.validate_grammar(grammar, TOKENS), bool(mask[byte // 8] >> byte % 8 & 1), matcher.consume_token(byte)


print("llguidance", version("llguidance"))
seen = {}
for count in (1000, 3000):
    choices = [f"choice {number}" for number in range(count)]
    terminal = "start: CHOICE\nCHOICE: " + " | ".join(map(json.dumps, choices))
    for name, grammar in ((f"{count} as a rule", grammar_from("choice", choices)), (f"{count} as a terminal", terminal)):
        seen[name] = first_token(grammar)
        error, is_allowed, is_taken = seen[name]
        print(f"{name}: {error or 'valid'}, first byte allowed {is_allowed}, taken {is_taken} (one would expect True)")
sys.exit([found == ("", True, True) for found in seen.values()] != [True, True, False, True])
PYTHON
