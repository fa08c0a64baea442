#!/usr/bin/env bash
# One would guess: ANLS divides the edits of two texts by the length of the longer of the same two texts.
# What happens (ms-vlmeval 0.0.20, VLMEvalKit's package; lmms-eval 0.7.3 and Qwen-VL's script, from which both have it, do the
# same): the edits are counted after spaces are squeezed, the length before. Each space behind a wrong answer brings it nearer
# to right: "Rome" with 20 spaces behind it scores 0.83 for Oslo.
# Why it matters: a model that ends its answers with spaces or line breaks scores higher; as a reward it would be exploited.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps ms-vlmeval==0.0.20 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import sys
from importlib import import_module
from importlib.metadata import distribution, version
from types import ModuleType

print("Python", sys.version.split()[0], "ms-vlmeval", version("ms-vlmeval"))
# The packages' own __init__ files import every benchmark; what they lend to the module of this score is not used by ANLS.
for name in ("vlmeval", "vlmeval.dataset", "vlmeval.dataset.utils", "vlmeval.smp"):
    sys.modules[name] = package = ModuleType(name)
    package.__path__ = [str(distribution("ms-vlmeval").locate_file(name.replace(".", "/")))]
package.istype = package.listinstr = package.process_punctuation = None
package.istype = lambda text, kind: False
package.listinstr = lambda names, text: any(name in text for name in names)
vqa_eval = import_module("vlmeval.dataset.utils.vqa_eval")


def anls(wanted, said):
    line = vqa_eval.process_line({"answer": wanted, "prediction": said}, "anls")
    return round(float(vqa_eval.hit_calculate([line], "DocVQA")[0]), 2)


scores = {spaces: anls("Oslo", "Rome" + " " * spaces) for spaces in (0, 2, 4, 8, 20, 100)}
for spaces, score in scores.items():
    print(f"Rome and {spaces} spaces, for Oslo: one would expect 0, seen {score}")
sys.exit(0 if scores[0] == 0 and scores[20] == 0.83 and scores[100] == 0.96 else 1)
PYTHON
