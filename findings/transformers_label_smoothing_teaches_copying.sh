#!/usr/bin/env bash
# `label_smoothing_factor` of transformers' Trainer should change the loss a little. The Trainer then computes it itself, and
# knows by a list of class names whether labels have to be moved by one place. Models of pictures and text, such as Llava, are
# not on it: they are taught to predict the token that they have just read. The loss falls as it should and nothing warns,
# while the model learns to copy. Without smoothing the same model learns the next token. TRL's SFTTrainer moves the labels.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 2> /dev/null \
    torch==2.13.0 numpy==2.4.6 transformers==5.24.0 accelerate==1.15.0
OMP_NUM_THREADS=1 "$work/venv/bin/python" -W ignore - "$work" 2> "$work/log" <<'PYTHON' || { cat "$work/log" >&2; exit 1; }
import sys
from importlib.metadata import version

import torch
from transformers import CLIPVisionConfig, LlamaConfig, LlamaForCausalLM, LlavaConfig, LlavaForConditionalGeneration, Trainer, TrainingArguments

print(", ".join(f"{name} {version(name)}" for name in ("torch", "transformers")))
TEXT = {"vocab_size": 12, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
TEXT |= {"num_key_value_heads": 2, "pad_token_id": 0}
EYES = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "image_size": 28, "patch_size": 14}
MODELS = {
    "Llama": lambda: LlamaForCausalLM(LlamaConfig(**TEXT)),
    "Llava": lambda: LlavaForConditionalGeneration(
        LlavaConfig(text_config=LlamaConfig(**TEXT), vision_config=CLIPVisionConfig(**EYES), image_token_index=1)
    ),
}
COUNTING = [torch.tensor([2 + (first + place) % 10 for place in range(10)]) for first in range(64)]
ROWS = [{"input_ids": one, "attention_mask": torch.ones_like(one), "labels": one} for one in COUNTING]


def learned(make, smoothing):
    """The losses of the beginning and of the end, and what follows each of 2 3 4 5 6 by the model."""
    torch.manual_seed(0)
    model = make()
    options = {"per_device_train_batch_size": 16, "max_steps": 60, "learning_rate": 1e-2, "logging_steps": 10, "save_strategy": "no"}
    options |= {"label_smoothing_factor": smoothing, "report_to": [], "use_cpu": True, "disable_tqdm": True}
    trainer = Trainer(model, TrainingArguments(sys.argv[1], **options), train_dataset=ROWS)
    trainer.train()
    losses = [line["loss"] for line in trainer.state.log_history if "loss" in line]
    with torch.inference_mode():
        answer = model.eval()(input_ids=torch.tensor([[2, 3, 4, 5, 6]])).logits[0].argmax(-1)
    return losses[0], losses[-1], answer.tolist()


sys.stdout, out = sys.stderr, sys.stdout  # the Trainer prints what it logs
answers = []
for name, make in MODELS.items():
    for smoothing in (0.0, 0.1):
        first, last, answer = learned(make, smoothing)
        answers.append(answer)
        print(f"{name}, smoothing {smoothing}: loss {first:.2f} -> {last:.2f}, after 2 3 4 5 6 it says {answer}", file=out)
print("expected: [3, 4, 5, 6, 7] in each line, as all texts count upwards", file=out)
NEXT, COPY = [3, 4, 5, 6, 7], [2, 3, 4, 5, 6]
sys.exit(answers != [NEXT, NEXT, NEXT, COPY])
PYTHON
