#!/usr/bin/env bash
# `gradient_accumulation_steps` of transformers' Trainer should not change an update: one batch of 8 and 4 batches of 2 have
# the same mean gradient. They do for decoders of text. For T5, BART, BERT and models that classify or score texts the loss
# and the gradient of 4 batches are 4 times as large, and a mixture of experts learns its balance with 4 times the weight. The
# Trainer leaves dividing to each model whose `forward` takes `**kwargs`, and these take them and do not divide. AdamW, which
# forgets the size of gradients, and clipping hide it. The same happens to a model of one's own with `**kwargs`;
# `accepts_loss_kwargs = False` in it, or `loss_is_scaled_for_ga = False` in the Trainer, makes the Trainer divide.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 2> /dev/null \
    torch==2.13.0 numpy==2.4.6 transformers==5.24.0 accelerate==1.15.0
OMP_NUM_THREADS=1 "$work/venv/bin/python" -W ignore - "$work" 2> "$work/log" <<'PYTHON' || { cat "$work/log" >&2; exit 1; }
import sys
from importlib.metadata import version

import torch
from transformers import BartConfig, BartForConditionalGeneration, LlamaConfig, LlamaForCausalLM, LlamaForSequenceClassification
from transformers import MixtralConfig, MixtralForCausalLM, T5Config, T5ForConditionalGeneration, Trainer, TrainingArguments

print(", ".join(f"{name} {version(name)}" for name in ("torch", "transformers")))
DECODER = {"vocab_size": 32, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
DECODER |= {"num_key_value_heads": 2, "pad_token_id": 0}
T5 = {"d_model": 16, "d_ff": 32, "d_kv": 8, "num_layers": 1, "num_heads": 2, "decoder_start_token_id": 0, "dropout_rate": 0.0}
BART = {"d_model": 16, "encoder_layers": 1, "decoder_layers": 1, "encoder_ffn_dim": 32, "decoder_ffn_dim": 32, "dropout": 0.0}
BART |= {"encoder_attention_heads": 2, "decoder_attention_heads": 2}
EXPERTS = {"num_local_experts": 4, "output_router_logits": True, "router_aux_loss_coef": 0.1}
TEXTS = torch.randint(1, 32, (8, 6), generator=torch.Generator().manual_seed(0))
NUMBERS = torch.randn(8, generator=torch.Generator().manual_seed(0))
CASES = {
    "LlamaForCausalLM": (lambda: LlamaForCausalLM(LlamaConfig(**DECODER)), TEXTS),
    "T5ForConditionalGeneration": (lambda: T5ForConditionalGeneration(T5Config(vocab_size=32, **T5)), TEXTS),
    "BartForConditionalGeneration": (lambda: BartForConditionalGeneration(BartConfig(vocab_size=32, **BART)), TEXTS),
    "LlamaForSequenceClassification, 3 classes": (
        lambda: LlamaForSequenceClassification(LlamaConfig(num_labels=3, **DECODER)), torch.tensor([0, 1, 2, 0, 1, 2, 0, 1])
    ),
    "LlamaForSequenceClassification, a score": (lambda: LlamaForSequenceClassification(LlamaConfig(num_labels=1, **DECODER)), NUMBERS),
    "MixtralForCausalLM with the loss of its router": (lambda: MixtralForCausalLM(MixtralConfig(**EXPERTS, **DECODER)), TEXTS),
}


class Divides(Trainer):
    loss_is_scaled_for_ga = False


def step(trainer, make, labels, batches):
    """Loss and length of the gradient that the Trainer logs of one update with 8 texts."""
    torch.manual_seed(0)
    rows = [{"input_ids": text, "attention_mask": torch.ones_like(text), "labels": label} for text, label in zip(TEXTS, labels)]
    options = {"per_device_train_batch_size": 8 // batches, "gradient_accumulation_steps": batches, "max_steps": 1}
    options |= {"logging_steps": 1, "save_strategy": "no", "report_to": [], "use_cpu": True, "disable_tqdm": True}
    made = trainer(make(), TrainingArguments(sys.argv[1], max_grad_norm=1e9, **options), train_dataset=rows)
    made.train()
    logged = next(line for line in made.state.log_history if "loss" in line)
    return logged["loss"], logged["grad_norm"]


sys.stdout, out = sys.stderr, sys.stdout  # the Trainer prints what it logs
seen = []
for name, (make, labels) in CASES.items():
    (loss, norm), (accumulated, longer) = (step(Trainer, make, labels, batches) for batches in (1, 4))
    seen.append(accumulated / loss)
    print(f"{name}: loss {loss:.3f} with one batch, {accumulated:.3f} with four; gradient {norm:.3f}, {longer:.3f}", file=out)
divided = step(Divides, *CASES["T5ForConditionalGeneration"], 4)
print(f"T5 with `loss_is_scaled_for_ga = False`: loss {divided[0]:.3f}, gradient {divided[1]:.3f}", file=out)
print("expected: the same loss and gradient with one batch and with four", file=out)
text, *others, experts = seen
divides = abs(divided[0] - step(Trainer, *CASES["T5ForConditionalGeneration"], 1)[0]) < 0.01
sys.exit(not (abs(text - 1) < 0.01 and all(abs(ratio - 4) < 0.01 for ratio in others) and 1.1 < experts < 3.9 and divides))
PYTHON
