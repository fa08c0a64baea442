#!/usr/bin/env bash
# One would guess that torchmetrics' text metrics give the numbers of sacrebleu, which they follow. Of short answers, which are
# most of those to questions about pictures, they do not: chrF of the right answer "yes" is 0.5, of "7" 0.25, as orders that the
# text is too short for count as missed; sacrebleu leaves them out. And an empty answer needs no edits in its TER, as if it were
# right, so a model that says nothing gets the best TER there is.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 2> /dev/null \
    torch==2.14.1 torchmetrics==1.9.0 sacrebleu==2.6.0 numpy==2.4.6
"$work/venv/bin/python" - 2> /dev/null <<'PYTHON'
import sys
from importlib.metadata import version

import sacrebleu
from torchmetrics.text import CHRFScore, TranslationEditRate

print(", ".join(f"{name} {version(name)}" for name in ("torchmetrics", "sacrebleu")))


def both(metric, answers, references):
    """In percent, by torchmetrics and by sacrebleu (its chrF with words of up to two, as torchmetrics' default is)."""
    if metric == "TER":
        found = TranslationEditRate()(answers, [[one] for one in references]), sacrebleu.corpus_ter(answers, [references])
    else:
        found = CHRFScore()(answers, [[one] for one in references]), sacrebleu.corpus_chrf(answers, [references], word_order=2)
    return round(100 * float(found[0]), 1), round(found[1].score, 1)


seen = []
for metric, answers, references, told in (
    ("chrF", ["7"], ["7"], "the right answer '7'"),
    ("chrF", ["yes"], ["yes"], "the right answer 'yes'"),
    ("chrF", ["the red bus stops here"], ["the red bus stops here"], "a right answer of five words"),
    ("TER", ["no"], ["yes"], "a wrong answer"),
    ("TER", [""], ["yes"], "an empty answer"),
    ("TER", ["", "two dogs"], ["a red bus", "two dogs"], "an empty answer and a right one"),
):
    seen.append(both(metric, answers, references))
    print(f"{metric} of {told}: {seen[-1][0]} by torchmetrics, {seen[-1][1]} by sacrebleu")
print("expected: a chrF of 100 of right answers, a TER of 0 of right answers alone")
sys.exit(seen != [(25.0, 100.0), (50.0, 100.0), (100.0, 100.0), (100.0, 100.0), (0.0, 100.0), (0.0, 60.0)])
PYTHON
