#!/usr/bin/env bash
# One would guess that `tokenizer(text, truncation=True, max_length=3)` of transformers cuts this text alone. The setting stays
# in the tokenizer, and `save_pretrained` writes it into tokenizer.json, padding as well. transformers sets it anew at each call
# and sees nothing of it. Whatever reads the file by the library tokenizers (servers, data pipelines in Rust or Python) cuts
# every text to as many tokens, or fills it up, without an error. Call once without truncation and padding before saving.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check transformers==5.24.0 tokenizers==0.23.3 2> /dev/null
venv/bin/python - 2> /dev/null <<'PYTHON'
import sys
from importlib.metadata import version

from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

print("transformers", version("transformers"), "tokenizers", version("tokenizers"))
TEXT = "a b c d e f g h"
words = {word: number for number, word in enumerate(["[UNK]", "[PAD]", *TEXT.split()])}


def saved_after(folder, **call):
    """What tokenizers and transformers make of the text, by the folder that was saved after one call."""
    plain = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))
    plain.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=plain, unk_token="[UNK]", pad_token="[PAD]")
    tokenizer(TEXT, **call)
    tokenizer.save_pretrained(folder)
    by_tokenizers = Tokenizer.from_file(f"{folder}/tokenizer.json").encode(TEXT).tokens
    return len(by_tokenizers), by_tokenizers.count("[PAD]"), len(PreTrainedTokenizerFast.from_pretrained(folder)(TEXT)["input_ids"])


found = {
    "a plain call": saved_after("plain"),
    "a call with truncation to 3": saved_after("cut", truncation=True, max_length=3),
    "a call with padding to 12": saved_after("filled", padding="max_length", max_length=12),
}
print("expected of each: 8 tokens, none of them padding, by both libraries")
for name, (tokens, padding, by_transformers) in found.items():
    print(f"saved after {name}: tokenizers gives {tokens} tokens, {padding} of them padding; transformers gives {by_transformers}")
sys.exit(list(found.values()) != [(8, 0, 8), (3, 0, 8), (12, 4, 8)])
PYTHON
