#!/usr/bin/env bash
# One would guess that a word error rate splits words at any white space, as str.split() does. The default of jiwer
# splits at the space alone: one line break, one tab or one no-break space joins the words around it to one word,
# while two in a row do part them. Texts of several lines (OCR, transcripts) get a wer far too high in silence, of a
# right answer on one line even 1. The cer has no such rule. Give jiwer " ".join(text.split()).
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check jiwer==4.0.0 rapidfuzz==3.14.6 2> /dev/null
venv/bin/python - <<'PYTHON'
import sys
from importlib.metadata import version

import jiwer

print("jiwer", version("jiwer"))
given = "Total 12.50\nCash 20.00\nChange 7.50"
answers = {
    "as one line": given.replace("\n", " "),
    "with empty lines between": given.replace("\n", "\n\n"),
    "with tabs": given.replace("\n", "\t"),
    "one word wrong, same lines": given.replace("20.00", "2.00"),
}
seen = {}
for name, answer in answers.items():
    seen[name] = jiwer.wer(given, answer)
    single = jiwer.wer(" ".join(given.split()), " ".join(answer.split()))
    print(f"{name}: wer {seen[name]:.3f}, expected {single:.3f}")
print("words:", jiwer.process_words(given, given).references[0])
no_break = jiwer.wer("12 km", "12\u00a0km"), jiwer.wer("12 km", "12\u00a0\u00a0km")
print("'12 km' with one no-break space and with two:", *no_break, "expected 0.0 0.0")
same = list(seen.values()) == [1.0, 1.0, 0.5, 0.25] and no_break == (1.0, 0.0)
sys.exit(0 if same else 1)
PYTHON
