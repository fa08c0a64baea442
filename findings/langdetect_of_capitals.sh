#!/usr/bin/env bash
# One would guess: langdetect tells the language of a text whatever its case, and always the same.
# What happens (langdetect 1.0.9): of twenty plain English sentences a quarter are no English in capitals, but Vietnamese or
# German, and the answer to five of them changes with the seed, which is a new one in each process.
# Why it matters: IFEval's "in English, and in all capital letters" is `isupper() and detect(text) == "en"`, so that right
# answers fail, now and then.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check langdetect==1.0.9
"$folder/venv/bin/python" - <<'PYTHON'
import sys
from importlib.metadata import version

from langdetect import DetectorFactory, detect

print("Python", sys.version.split()[0], "langdetect", version("langdetect"))
SENTENCES = """The sea is calm today and the boats stay in the harbour.
My dog likes to sleep in the sun.
We will meet at the station at noon.
The train to London leaves in ten minutes.
She bought three apples and a loaf of bread.
It is raining again, so take an umbrella.
The committee approved the new budget on Monday.
Please turn off the lights when you leave the room.
He has been working on this project for two years.
A good book is the best of friends, today and forever.
The moon is bright.
Winter is coming.
I would like a cup of tea.
Our team won the game.
Dear customer, thank you for your order.
The quick brown fox jumps over the lazy dog.
Do not open the window, it is cold outside.
Students learn best when they enjoy the subject.
The museum is closed on Sundays and public holidays.
Nobody knows what the future will bring.""".splitlines()


def found(text):
    """The languages that twenty seeds give."""
    languages = []
    for DetectorFactory.seed in range(20):
        languages.append(detect(text))
    return languages


seen = {}
for name, change in (("small letters", str.lower), ("capital letters", str.upper)):
    told = {sentence: found(change(sentence)) for sentence in SENTENCES}
    mostly = {sentence: max(set(some), key=some.count) for sentence, some in told.items()}
    english = sum(language == "en" for language in mostly.values())
    changing = sum(len(set(some)) > 1 for some in told.values())
    seen[name] = english, changing
    print(f"{name}: one would expect 20 English and 0 that change, seen {english} and {changing}")
    print("   ", {sentence: language for sentence, language in mostly.items() if language != "en"})
sys.exit(0 if seen["capital letters"][0] <= 17 < seen["small letters"][0] and seen["capital letters"][1] > 0 else 1)
PYTHON
