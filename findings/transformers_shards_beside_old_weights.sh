#!/usr/bin/env bash
# `save_pretrained` into a folder that holds a model replaces it, and removes shards that the new one has not. One would guess
# that it does so whatever the sizes. Where the old weights are one file and the new ones are several, above `max_shard_size`,
# `model.safetensors` stays beside the new shards and their index, and `from_pretrained` takes it first: the old weights come
# back, under the new config, without an error or a warning. The other way round it is right. Save into an empty folder.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check torch==2.14.0 numpy==2.4.6 transformers==5.24.0 2> /dev/null
cat > save.py <<'PYTHON'
import logging
import os
import sys
import warnings

import torch
import transformers
from transformers import LlamaConfig, LlamaForCausalLM

print(f"torch {torch.__version__}, transformers {transformers.__version__}")
said = []
logging.getLogger("transformers").addHandler(logging.Handler())
logging.getLogger("transformers").handlers[-1].emit = lambda record: said.append(record.getMessage())
SIZES = {"vocab_size": 64, "hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}


def model(value):
    made = LlamaForCausalLM(LlamaConfig(**SIZES))
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.fill_(value)
    return made


def last_loaded(folder, *limits):
    """Save model 1, 2 and so on with these limits into one folder; which one comes back."""
    for number, limit in enumerate(limits, 1):
        model(number).save_pretrained(folder, max_shard_size=limit)
    print(f"  {folder}: {[name for name in sorted(os.listdir(folder)) if 'safetensors' in name]}")
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        said.clear()
        again = LlamaForCausalLM.from_pretrained(folder)
    told = [str(one.message) for one in warned] + said
    values = {value for parameter in again.parameters() for value in parameter.unique().tolist()}
    return values, told


WHOLE, SPLIT = "5GB", "100KB"
found = {
    "one file, then one file": last_loaded("one_one", WHOLE, WHOLE),
    "shards, then shards": last_loaded("shards_shards", "50KB", SPLIT),
    "shards, then one file": last_loaded("shards_one", SPLIT, WHOLE),
    "one file, then shards": last_loaded("one_shards", WHOLE, SPLIT),
}
for name, (values, told) in found.items():
    print(f"{name}: the weights of model {values}; said {told}")
print("expected: the weights of model {2.0} each time")
sys.exit([values for values, _ in found.values()] != [{2.0}] * 3 + [{1.0}] or any(told for _, told in found.values()))
PYTHON
OMP_NUM_THREADS=1 venv/bin/python save.py 2> /dev/null
