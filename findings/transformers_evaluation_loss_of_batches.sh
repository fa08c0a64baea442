#!/usr/bin/env bash
# The Trainer of transformers divides the training loss by all tokens of a step, however these are split into batches, and one would
# guess the same of `eval_loss`. It is a mean of the means of batches, weighted by their rows: a token in a batch of short answers
# counts more than one beside a long caption. So `eval_loss`, and the perplexity and the best checkpoint that follow from it, depend on
# `per_device_eval_batch_size` and the order of the rows, and differ from the training loss of the same model on the same rows.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6 transformers==5.24.0 accelerate==1.15.0 2> /dev/null
OMP_NUM_THREADS=1 "$work/venv/bin/python" -W ignore - "$work" 2> "$work/log" <<'PYTHON' || { cat "$work/log" >&2; exit 1; }
import sys
from importlib.metadata import version

import torch
from transformers import LlamaConfig, LlamaForCausalLM, Trainer, TrainingArguments

print(", ".join(f"{name} {version(name)}" for name in ("torch", "transformers")))
sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 2}
torch.manual_seed(0)
model = LlamaForCausalLM(LlamaConfig(vocab_size=32, pad_token_id=0, **sizes))
generator = torch.Generator().manual_seed(0)
short = [torch.tensor([1, 5, 2]) for _ in range(4)]  # "yes", learned by heart below
long = [torch.randint(3, 32, (60,), generator=generator) for _ in range(4)]  # captions that no one could guess
ROWS = [{"input_ids": row, "labels": row} for pair in zip(short, long, strict=True) for row in pair]


def collate(rows):
    padded = [torch.nn.utils.rnn.pad_sequence([row["labels"] for row in rows], batch_first=True, padding_value=value) for value in (0, -100)]
    return {"input_ids": padded[0], "labels": padded[1], "attention_mask": (padded[1] != -100).long()}


optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
for _ in range(50):
    optimizer.zero_grad()
    model(**collate(ROWS[:1])).loss.backward()
    optimizer.step()


def trainer(rows, data, **options):
    arguments = TrainingArguments(sys.argv[1], per_device_eval_batch_size=rows, report_to=[], use_cpu=True, disable_tqdm=True, **options)
    return Trainer(model, arguments, train_dataset=data, eval_dataset=data, data_collator=collate)


def evaluated(rows, data=ROWS):
    return round(trainer(rows, data).evaluate()["eval_loss"], 3)


with torch.no_grad():
    losses = [(float(model(**collate([row])).loss), len(row["labels"]) - 1) for row in ROWS]
by_hand = round(sum(loss * count for loss, count in losses) / sum(count for _, count in losses), 3)
in_order = sorted(ROWS, key=lambda row: len(row["labels"]))
found = {rows: evaluated(rows) for rows in (1, 2, 4, 8)}
ordered = evaluated(4, in_order)
steps = {"per_device_train_batch_size": 2, "gradient_accumulation_steps": 4, "max_steps": 1, "learning_rate": 0.0}
trained = round(trainer(2, ROWS, **steps).train().training_loss, 3)
print(f"loss of a token, by hand: {by_hand}; training loss, in 4 batches of 2: {trained}")
for rows, loss in found.items():
    print(f"eval_loss in batches of {rows}: {loss}")
print(f"eval_loss in batches of 4, sorted by length: {ordered}")
print("expected: one number everywhere")
right = abs(found[8] - by_hand) < 0.01 and abs(trained - by_hand) < 0.02 and ordered < 0.7 * by_hand
sys.exit(not (right and found[1] < 0.7 * by_hand))
PYTHON
