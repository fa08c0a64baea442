#!/usr/bin/env bash
# A byte-level tokenizer writes any text as bytes, and gives it back. One would guess that a token added to it, such as "café",
# comes back too. Its decoder reads every letter of a token as one byte of the byte-level alphabet, the letters of an added
# token as well, where these stand for themselves: é is the byte E9, which is no UTF-8. "café" comes back as "caf" and a
# replacement character, with and without `skip_special_tokens`. Letters outside of that alphabet (日本) come back whole.
# `id_to_token` has the right text. Qwen's, Llama 3's and GPT's tokenizers are such ones.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check tokenizers==0.23.3 2> /dev/null
"$work/venv/bin/python" - <<'PYTHON'
import sys

import tokenizers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

alphabet = {char: id_ for id_, char in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
tokenizer = Tokenizer(models.BPE(vocab=alphabet, merges=[]))
tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
tokenizer.decoder = decoders.ByteLevel()
texts = ["café", "<größe>", "x²", "日本", "<box>"]
before = {text: tokenizer.decode(tokenizer.encode(text).ids) for text in texts}
tokenizer.add_tokens(texts)
print("tokenizers", tokenizers.__version__)
after = {}
for text in texts:
    ids = tokenizer.encode(text).ids
    after[text] = tokenizer.decode(ids, skip_special_tokens=False)
    print(f"{text!r}: {len(ids)} token {tokenizer.id_to_token(ids[0])!r}, decoded {after[text]!r}, before it was added {before[text]!r}")
print("expected: every text comes back")
spoiled = [text for text in texts if after[text] != text]
sys.exit(not (spoiled == ["café", "<größe>", "x²"] and all(before[text] == text for text in texts)))
PYTHON
