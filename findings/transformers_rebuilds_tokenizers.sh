#!/usr/bin/env bash
# One would guess that AutoTokenizer splits texts as tokenizer.json says. For a class such as Qwen2Tokenizer, transformers 5 takes
# of that file the vocabulary, the merges and the added tokens, and the normalizer and the rule of splitting from its own code.
# Where config.json says "qwen2" this is so even if tokenizer_config.json names PreTrainedTokenizerFast, which fits every file. A
# model trained from nothing with a tokenizer of its own then reads other tokens than in training, without an error or a warning;
# saved again, the file has changed, too. Named PreTrainedTokenizerFast under "qwen3", or loaded by that class, it is as the file.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check transformers==5.24.0 tokenizers==0.23.3 2> /dev/null
export HF_HUB_OFFLINE=1 TRANSFORMERS_NO_ADVISORY_WARNINGS=1  # no word on torch, which is not needed here
venv/bin/python - 2> told.txt <<'PYTHON' || { cat told.txt; exit 1; }
import json
import sys
from importlib.metadata import version
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

print(", ".join(f"{name} {version(name)}" for name in ("transformers", "tokenizers")))
TEXT = "the year 2024"
own = Tokenizer(models.BPE())
own.normalizer, own.decoder = normalizers.NFKC(), decoders.ByteLevel()
own.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
settings = {"initial_alphabet": pre_tokenizers.ByteLevel.alphabet(), "special_tokens": ["<end>"]}
own.train_from_iterator([TEXT] * 9, trainers.BpeTrainer(**settings, show_progress=False))


def loaded(how, model_type, name):
    folder = Path(f"{model_type}-{name}")
    folder.mkdir(exist_ok=True)
    own.save(str(folder / "tokenizer.json"))
    named = {"tokenizer_class": name, "eos_token": "<end>", "pad_token": "<end>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(named))
    (folder / "config.json").write_text(json.dumps({"model_type": model_type}))
    return how.from_pretrained(folder)


GENERIC = "PreTrainedTokenizerFast"
rebuilt = loaded(AutoTokenizer, "qwen2", GENERIC)
rebuilt.save_pretrained("again")
again = Tokenizer.from_file("again/tokenizer.json")
found = {
    "the file": own.encode(TEXT).tokens,
    f"AutoTokenizer, llama, {GENERIC}": loaded(AutoTokenizer, "llama", GENERIC).tokenize(TEXT),
    f"AutoTokenizer, qwen3, {GENERIC}": loaded(AutoTokenizer, "qwen3", GENERIC).tokenize(TEXT),
    f"{GENERIC}, qwen2, {GENERIC}": loaded(PreTrainedTokenizerFast, "qwen2", GENERIC).tokenize(TEXT),
    f"AutoTokenizer, qwen2, {GENERIC}": rebuilt.tokenize(TEXT),
    "AutoTokenizer, qwen3, Qwen2Tokenizer": loaded(AutoTokenizer, "qwen3", "Qwen2Tokenizer").tokenize(TEXT),
    "the file, as qwen2 saves it again": again.encode(TEXT).tokens,
}
for name, tokens in found.items():
    print(f"{name:56} {tokens}")
print(f"normalizer: {type(own.normalizer).__name__} in the file, {type(again.normalizer).__name__} where it was saved again")
print("expected everywhere: as the file")
whole, split = ["the", "Ġyear", "Ġ2024"], ["the", "Ġyear", "Ġ", "2", "0", "2", "4"]
sys.exit(not (list(found.values()) == [whole] * 4 + [split] * 3 and type(again.normalizer).__name__ == "NFC"))
PYTHON
! grep '[^[:space:]]' told.txt || { echo "a warning was given"; exit 1; }
