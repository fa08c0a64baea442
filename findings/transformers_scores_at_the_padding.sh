#!/usr/bin/env bash
# A decoder of transformers that classifies sequences, such as a reward model, gives the score at the last token of a text. One
# would guess that it takes the end of each text in a padded batch from the attention mask, which the tokenizer gives it. It
# takes the last token that is not `pad_token_id` of the model's config. Where the tokenizer pads with another token, as after
# `tokenizer.pad_token = tokenizer.eos_token`, which the error about a missing padding token recommends, all texts but the
# longest get the score of a padding token, without a warning. Score one text at a time, or set the model's too:
# `model.config.pad_token_id = tokenizer.pad_token_id`.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6 transformers==5.24.0 2> /dev/null
OMP_NUM_THREADS=1 "$work/venv/bin/python" - 2> /dev/null <<'PYTHON'
import sys

import torch
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForSequenceClassification, PreTrainedTokenizerFast

print(f"torch {torch.__version__}, transformers {transformers.__version__}")
WORDS = ["<pad>", "<end>", "it", "is", "a", "red", "circle", "beside", "blue", "star"]
plain = Tokenizer(models.WordLevel({word: number for number, word in enumerate(WORDS)}, unk_token="<pad>"))
plain.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
TEXTS = ["red", "a red circle", "it is a red circle beside a blue star"]
torch.manual_seed(0)
sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "num_labels": 1}
model = LlamaForSequenceClassification(LlamaConfig(vocab_size=len(WORDS), pad_token_id=0, **sizes)).eval()
torch.nn.init.normal_(model.score.weight)


@torch.inference_mode()
def scores(tokenizer, texts):
    return [round(float(one), 3) for one in model(**tokenizer(texts, padding=True, return_tensors="pt")).logits]


tokenizer = PreTrainedTokenizerFast(tokenizer_object=plain, eos_token="<end>")
try:
    scores(tokenizer, TEXTS)
except ValueError as error:
    advice = "tokenizer.pad_token = tokenizer.eos_token" in str(error)
    print("without a padding token, the error recommends `tokenizer.pad_token = tokenizer.eos_token`:", advice)
tokenizer.pad_token = tokenizer.eos_token
alone = [scores(tokenizer, [text])[0] for text in TEXTS]
together = scores(tokenizer, TEXTS)
model.config.pad_token_id = tokenizer.pad_token_id
named = scores(tokenizer, TEXTS)
print(f"one text at a time: {alone}")
print(f"in one batch, expected the same: {together}")
print(f"in one batch, with the tokenizer's padding token in the model's config: {named}")
near = [[abs(one - other) < 0.01 for one, other in zip(alone, found)] for found in (together, named)]
sys.exit(not advice or near != [[False, False, True], [True, True, True]])
PYTHON
