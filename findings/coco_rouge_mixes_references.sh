#!/usr/bin/env bash
# One would guess that ROUGE-L with several references is the best, or the mean, of the scores with each of them. pycocoevalcap,
# the scorer of COCO captions in many evaluation kits, takes the highest precision and the highest recall over the references,
# each from another one: a caption that is like neither reference gets a score above that with either, up to 1. One short
# reference is enough. With five references a quarter of random captions score higher than with any one of them.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps pycocoevalcap==1.2 numpy==2.4.6 2> /dev/null
"$work/venv/bin/python" - <<'PYTHON'
import random
import sys
from importlib.metadata import version

from pycocoevalcap.rouge.rouge import Rouge

print("pycocoevalcap", version("pycocoevalcap"))
rouge = Rouge()


def scores(caption, references):
    alone = [round(float(rouge.calc_score([caption], [reference])), 3) for reference in references]
    return alone, round(float(rouge.calc_score([caption], references)), 3)


caption = "a red bus"
references = ["a red bus on the long street of the old town", "red"]
alone, both = scores(caption, references)
print(f"{caption!r}: {alone[0]} with {references[0]!r}, {alone[1]} with {references[1]!r}")
print(f"expected with both: at most {max(alone)}; seen: {both}")

random.seed(1)
words = "a the red old bus car stands drives on in front of street house near tree two men".split()
above = 0
for _ in range(1000):
    made = [" ".join(random.choices(words, k=random.randint(5, 14))) for _ in range(6)]
    alone_of_five, of_five = scores(made[0], made[1:])
    above += of_five > max(alone_of_five) + 0.001
print(f"of 1000 random captions with five references of 5 to 14 words, {above} score higher than with any one of them")
sys.exit(not (max(alone) < 0.6 and both == 1.0 and 200 < above < 400))
PYTHON
