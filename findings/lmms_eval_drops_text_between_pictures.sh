#!/usr/bin/env bash
# One would guess: lmms-eval puts each picture of an MMMU question where the question names it, and sends the whole question.
# What happens (lmms-eval 0.7.3, `mmmu_val`, chat models): pictures are attached in the order of their numbers, one for each gap of the
# text. A picture named twice leaves more gaps than pictures, and the text between the last gaps is not sent: of "In <image 1>
# x is 5. Find y in <image 1>." the model never reads "x is 5. Find y in". If <image 2> is named first, it shows <image 1>.
# Why it matters: the model answers another question and no error shows it; a picture named again in the choices is enough.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 pyyaml==6.0.2 loguru==0.7.3 pillow==12.3.0
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps lmms-eval==0.7.3
"$folder/venv/bin/python" - <<'PYTHON'
import sys
from importlib import import_module
from importlib.metadata import distribution, version
from types import ModuleType

from PIL import Image

print("Python", sys.version.split()[0], "lmms-eval", version("lmms-eval"))


def package(name, **held):
    sys.modules[name] = found = ModuleType(name)
    found.__path__ = [str(distribution("lmms-eval").locate_file(name.replace(".", "/")))]
    vars(found).update(held)


# The packages' own __init__ import torch and clients of judges; the prompts of MMMU need nothing of them.
package("lmms_eval")
package("lmms_eval.tasks")
package("lmms_eval.tasks._task_utils")
package("lmms_eval.tasks.mmmu")
package("lmms_eval.verifiers", VerificationPipeline=object)
package("lmms_eval.verifiers.openai", OpenAIVerifier=object)
package("lmms_eval.tasks._task_utils.file_utils", generate_submission_file=None)
messages_of = import_module("lmms_eval.tasks.mmmu.utils").mmmu_doc_to_messages
PROMPTS = {"multiple_choice_prompt": "Answer with a letter.", "open_ended_prompt": "", "prompt_type": "format"}


def sent(question, options):
    pictures = {"image_1": Image.new("RGB", (1, 1), (1, 0, 0)), "image_2": Image.new("RGB", (1, 1), (2, 0, 0))}
    row = {"question": question, "question_type": "multiple-choice", "options": options} | pictures
    parts = messages_of(row, PROMPTS)[0]["content"]
    return [part["text"] if part["type"] == "text" else part["url"].getpixel((0, 0))[0] for part in parts]


twice = sent("In <image 1> x is 5. Find y in <image 1>.", "['1', '2']")
print("a picture named twice: one would expect 'x is 5. Find y in' somewhere, seen", twice)
again = sent("Which of <image 1> and <image 2> grows faster?", "['The one in <image 1>', 'The one in <image 2>']")
print("named again in the choices: one would expect the question, seen", again)
turned = sent("Is <image 2> part of <image 1>?", "['yes', 'no']")
print("<image 2> named first: one would expect 2, then 1, seen", [part for part in turned if isinstance(part, int)])
is_lost = not any("x is 5" in str(part) for part in twice) and not any("grows faster" in str(part) for part in again)
sys.exit(0 if is_lost and [part for part in turned if isinstance(part, int)] == [1, 2] else 1)
PYTHON
