#!/usr/bin/env bash
# One would guess that pysubs2 reads the captions that a video platform makes by itself. In them each word has its time inside
# the line, as WebVTT allows: the<00:00:01.200><c> total</c>. pysubs2 takes every line that holds exactly two times for the
# first line of a cue: a caption of three words is lost without an error, and an empty cue with the times of its words is added.
# In all other lines it leaves the times in the text, also in `plaintext`. webvtt-py reads the words.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pysubs2==1.8.1 webvtt-py==0.6.0 2> /dev/null
venv/bin/python - <<'PYTHON'
import re
import sys
from importlib.metadata import version
from pathlib import Path

import pysubs2
import webvtt

for name in ("pysubs2", "webvtt-py"):
    print(name, version(name))
sentences = ["do not", "do not press", "the total is forty"]


def timed(sentence, start):
    first, *rest = sentence.split()
    return first + "".join(f"<00:00:0{start}.{place}00><c> {word}</c>" for place, word in enumerate(rest, 2))


cues = [(f"00:00:0{start}.000 --> 00:00:0{start + 1}.000", timed(sentence, start)) for start, sentence in enumerate(sentences, 1)]
Path("captions.vtt").write_text("WEBVTT\n\n" + "".join(f"{times}\n{line}\n\n" for times, line in cues))
expected = [(1000 * start, sentence) for start, sentence in enumerate(sentences, 1)]
assert [re.sub(r"<[^>]*>", "", line) for _, line in cues] == sentences
found = [(cue.start, cue.plaintext) for cue in pysubs2.load("captions.vtt")]
other = [(int(cue.start_in_seconds * 1000), cue.text) for cue in webvtt.read("captions.vtt")]
print("expected:", expected)
print("pysubs2:", found)
print("webvtt-py:", other)
times_left_in = "the<00:00:03.200> total<00:00:03.300> is<00:00:03.400> forty"
seen = [(1000, "do<00:00:01.200> not"), (2000, ""), (2200, ""), (3000, times_left_in)]
sys.exit(not (found == seen and other == expected))
PYTHON
