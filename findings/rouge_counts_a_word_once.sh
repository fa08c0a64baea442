#!/usr/bin/env bash
# One would guess that an answer which repeats itself loses precision in ROUGE. The package `rouge`, with which many kits score
# summaries and answers, takes the words of both texts as sets for ROUGE-1 and ROUGE-2, and counts the different words of the
# longest common sequence for ROUGE-L: an answer that says the right words 20 times, as models that loop do, gets 1.0.
# `rouge-score` counts each word as often as it stands there.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check rouge==1.0.1 rouge-score==0.1.2 2> /dev/null
"$work/venv/bin/python" - <<'PYTHON'
import sys
from importlib.metadata import version

from rouge import Rouge
from rouge_score.rouge_scorer import RougeScorer

print("rouge", version("rouge"), "rouge-score", version("rouge-score"))
ours, other = Rouge(), RougeScorer(["rouge1", "rouge2", "rougeL"])
REFERENCE = "the meeting starts at nine"
answers = {
    "the reference itself": REFERENCE,
    "20 times": " ".join([REFERENCE] * 20),
    "one word 20 times": "the meeting starts at " + "nine " * 20,
    "the words mixed, 20 times": "nine at starts meeting the " * 20,
}
seen = {}
for name, answer in answers.items():
    counted = [round(one["f"], 2) for one in ours.get_scores(answer, REFERENCE)[0].values()]
    by_other = [round(one.fmeasure, 2) for one in other.score(REFERENCE, answer).values()]
    seen[name] = (counted, by_other)
    print(f"{name}: rouge gives ROUGE-1, 2 and L of {counted}, rouge-score {by_other}")
print("expected: 1 for the reference itself, and below 0.5 for the others, as rouge-score has it")
same = seen["the reference itself"] == ([1.0] * 3, [1.0] * 3)
for name in list(answers)[1:]:
    counted, by_other = seen[name]
    same &= counted[0] == counted[2] == 1.0 and max(by_other) < 0.5
sys.exit(not same)
PYTHON
