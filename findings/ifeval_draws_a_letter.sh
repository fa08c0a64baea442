#!/usr/bin/env bash
# One would guess: a check of IFEval that counts a sign, such as "#" at least 4 times, gives one verdict on one answer.
# What happens (lm-eval 0.4.13, whose file is Google's): a "letter" outside of a to z is replaced by one that is drawn at
# random, at every call: "# # # # It is calm." is refused, and a sentence without "#" is accepted in 62 of 500 calls.
# Why it matters: IFEval's data set asks for "#" and for "!". Right answers are wrong, and two runs over the same answers
# differ.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps lm-eval==0.4.13 langdetect==1.0.9 six \
    immutabledict==4.3.1 nltk==3.10.4 regex joblib click tqdm packaging
"$folder/venv/bin/python" - <<'PYTHON'
import random
import sys
from importlib.metadata import distribution, version
from types import ModuleType

import nltk

print("Python", sys.version.split()[0], "lm-eval", version("lm-eval"))
nltk.data.find = lambda *_: None  # a model of sentences, which this check does not need
# The packages' own __init__ files import everything else.
for name in ("lm_eval", "lm_eval.tasks"):
    sys.modules[name] = package = ModuleType(name)
    package.__path__ = [str(distribution("lm-eval").locate_file(name.replace(".", "/")))]
from lm_eval.tasks.ifeval.utils import InputExample, test_instruction_following_strict

CALLS = 500


def accepted(letter: str, text: str) -> int:
    """Of so many calls with the same instruction and the same answer."""
    random.seed(0)
    arguments = {"letter": letter, "let_relation": "at least", "let_frequency": 4}
    asked = InputExample(0, ["keywords:letter_frequency"], "", [arguments])
    return sum(test_instruction_following_strict(asked, text).follow_all_instructions for _ in range(CALLS))


letter = accepted("e", "eeee"), accepted("e", "####")
right, wrong = accepted("#", "# # # # It is calm."), accepted("#", "We see seven trees here: none of them is green.")
print(f"at least 4 e: accepted in {letter[0]} of {CALLS} calls where there are 4, in {letter[1]} where there are none")
print(f"at least 4 #, there are 4: one would expect {CALLS}, seen {right}")
print(f"at least 4 #, there is none: one would expect 0, seen {wrong}")
sys.exit(0 if letter == (CALLS, 0) and right < CALLS and wrong > 0 else 1)
PYTHON
