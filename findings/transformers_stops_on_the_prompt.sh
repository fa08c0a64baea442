#!/usr/bin/env bash
# `stop_strings` of `generate` ends an answer where one of them has been generated, says its documentation. One would guess that
# it looks for them in the answer. It looks in prompt and answer together: where the prompt ends with the beginning of a stop
# string, as with one newline of two or the "User" of "User:", the answer ends once the rest of it follows, at its first token,
# and the answer does not hold the stop string that ended it. Ask with a prompt that ends otherwise, or look for the strings in
# the answer by a stopping criterion of one's own.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.14.0 numpy==2.4.6 transformers==5.24.0 2> /dev/null
OMP_NUM_THREADS=1 "$work/venv/bin/python" - 2> /dev/null <<'PYTHON'
import sys

import tokenizers
import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, LogitsProcessor, PreTrainedTokenizerFast

print(f"torch {torch.__version__}, transformers {transformers.__version__}, tokenizers {tokenizers.__version__}")
letters = sorted(pre_tokenizers.ByteLevel.alphabet())
vocabulary = {letter: number for number, letter in enumerate(["<pad>", "<end>", *letters])}
characters = Tokenizer(models.BPE(vocabulary, []))
characters.pre_tokenizer, characters.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
tokenizer = PreTrainedTokenizerFast(tokenizer_object=characters, pad_token="<pad>", eos_token="<end>")
sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
model = LlamaForCausalLM(LlamaConfig(vocab_size=len(vocabulary), **sizes)).eval()


class Says(LogitsProcessor):
    """The model says these tokens, whatever it would have said."""

    def __init__(self, tokens, begins):
        self.tokens, self.begins = tokens, begins

    def __call__(self, ids, scores):
        forced = torch.full_like(scores, -100.0)
        forced[:, self.tokens[ids.shape[1] - self.begins]] = 0
        return forced


def answer(prompt, said, stop):
    ids = tokenizer(prompt, return_tensors="pt").input_ids
    tokens = [*tokenizer(said).input_ids, tokenizer.eos_token_id]
    made = model.generate(
        ids, attention_mask=torch.ones_like(ids), logits_processor=[Says(tokens, ids.shape[1])], stop_strings=[stop],
        tokenizer=tokenizer, max_new_tokens=len(tokens), do_sample=False, pad_token_id=0, eos_token_id=1,
    )
    return tokenizer.decode(made[0, ids.shape[1]:], skip_special_tokens=True)


SAID, SEEN = {}, {}
for name, prompt, said, stop in (
    ("a prompt that ends otherwise", "Q: 3 + 4? A:", "\nIt is 7.\n\nQ: 5?", "\n\n"),
    ("a newline before the answer", "Q: 3 + 4?\n", "\nIt is 7.", "\n\n"),
    ("a word before the answer", "Who speaks to the User", ": nobody.", "User:"),
):
    seen = answer(prompt, said, stop)
    upto = said[: said.index(stop) + len(stop)] if stop in said else said
    print(f"{name}: prompt {prompt!r}, stop {stop!r}: answer {seen!r}, expected {upto!r}")
    SAID[name], SEEN[name] = upto, seen
sys.exit([SEEN[name] == SAID[name] for name in SAID] != [True, False, False] or list(SEEN.values())[1:] != ["\n", ":"])
PYTHON
