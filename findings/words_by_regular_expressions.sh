#!/usr/bin/env bash
# One would guess that `\w` of Python's `re` holds the letters of all languages, as of Greek or Chinese. It holds no marks: the
# vowel signs of Hindi, Bengali and Tamil and the short vowels of Arabic and Hebrew part a word, and `[^\w\s]`, which is to
# remove punctuation, removes them. The word for Hindi becomes three, and other words become equal. CountVectorizer of
# scikit-learn, whose words are `\w\w+`, finds one word of four. The module `regex` counts marks as part of a word.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check regex==2026.11.19 scikit-learn==1.9.1 2> /dev/null
venv/bin/python - <<'PYTHON'
import platform
import re
import sys
import unicodedata
from importlib.metadata import version

import regex
from sklearn.feature_extraction.text import CountVectorizer

print("Python", platform.python_version())
for name in ("regex", "scikit-learn"):
    print(name, version(name))
words = ["हिन्दी", "বাংলা", "தமிழ்", "كِتَابٌ", "שָׁלוֹם"]
WORD = r"\w+"
print("expected: one word each; by re, by regex:")
for word in words:
    print(word, re.findall(WORD, word), regex.findall(WORD, word))
same = all(len(re.findall(WORD, word)) > 1 and regex.findall(WORD, word) == [word] for word in words)
pair = ["दिन", "दीन"]  # day, poor
cleaned = [re.sub(r"[^\w\s]", "", word) for word in pair]
print(f"{pair} without [^\\w\\s]: {cleaned}")
same &= cleaned[0] == cleaned[1] == "दन"
sentence = "यह मेरी किताब है"  # this is my book
kept = CountVectorizer().fit([sentence]).get_feature_names_out().tolist()
print(f"CountVectorizer of {sentence!r}: {kept}, expected 4 words")
same &= kept == ["यह"]
print("categories of the signs in दिन:", [unicodedata.category(sign) for sign in "दिन"])
sys.exit(not same)
PYTHON
