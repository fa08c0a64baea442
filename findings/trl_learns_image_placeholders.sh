#!/usr/bin/env bash
# One would guess that `SFTTrainer` of TRL learns the text of conversations about pictures. For rows of "messages" the labels are all
# tokens but the padding, and so also the placeholders that a picture stands at: 64 of 75 here, more for larger pictures. The loss
# is then mostly that of repeating a placeholder, which is learned in a few steps: it falls as if the text were learned, the
# gradients of words are smaller, and the model learns to write placeholders. Rows of "prompt" and "completion" learn the completion
# alone, by default.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 2> /dev/null \
    torch==2.13.0 numpy==2.4.6 transformers==5.24.0 accelerate==1.15.0 trl==1.16.0 datasets==5.2.0 pillow==13.0.0
export HF_HOME="$work/home" HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1
"$work/venv/bin/python" -W ignore - "$work/run" 2> "$work/log" <<'PYTHON' || { cat "$work/log" >&2; exit 1; }
import sys
from importlib.metadata import version

import torch
from datasets import Dataset
from PIL import Image
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import CLIPVisionConfig, LlamaConfig, LlavaConfig, LlavaForConditionalGeneration, LlavaProcessor, PreTrainedTokenizerFast
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from trl import SFTConfig, SFTTrainer

print(", ".join(f"{name} {version(name)}" for name in ("torch", "transformers", "trl")))
WORDS = "<pad> <unk> <s> </s> <image> user assistant what is it ? a red bus".split()
plain = Tokenizer(models.WordLevel({word: number for number, word in enumerate(WORDS)}, unk_token="<unk>"))
plain.pre_tokenizer = pre_tokenizers.Split(" ", "removed")
special = {"pad_token": "<pad>", "unk_token": "<unk>", "eos_token": "</s>", "additional_special_tokens": ["<image>"]}
tokenizer = PreTrainedTokenizerFast(tokenizer_object=plain, **special)
template = (
    "{% for m in messages %}{{ m.role }} {% for c in m.content %}{% if c.type == 'image' %}<image> {% else %}{{ c.text }}{% endif %}"
    "{% endfor %} </s> {% endfor %}{% if add_generation_prompt %}assistant {% endif %}"
)
side = {"height": 112, "width": 112}
images = CLIPImageProcessorPil(size=side, crop_size=side)
kinds = {"patch_size": 14, "vision_feature_select_strategy": "default", "num_additional_image_tokens": 1, "image_token": "<image>"}
processor = LlavaProcessor(images, tokenizer, chat_template=template, **kinds)
small = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
vision, text = CLIPVisionConfig(image_size=112, patch_size=14, **small), LlamaConfig(vocab_size=len(WORDS), num_key_value_heads=2, **small)
torch.manual_seed(0)
model = LlavaForConditionalGeneration(LlavaConfig(vision_config=vision, text_config=text, image_token_index=WORDS.index("<image>"), vision_feature_layer=-1))

picture = Image.new("RGB", (112, 112), (200, 30, 10))
asked, answered = {"role": "user", "content": "what is it ?"}, {"role": "assistant", "content": "a red bus"}
MESSAGES = Dataset.from_list([{"images": [picture], "messages": [asked, answered]}] * 4)
PAIRS = Dataset.from_list([{"images": [picture], "prompt": [asked], "completion": [answered]}] * 4)


def trainer(rows):
    arguments = SFTConfig(sys.argv[1], per_device_train_batch_size=1, report_to=[], use_cpu=True, bf16=False, disable_tqdm=True, max_length=None)
    return SFTTrainer(model, arguments, train_dataset=rows, processing_class=processor)


def learned(rows):
    """The words whose prediction the trainer learns, and its batch."""
    batch = next(iter(trainer(rows).get_train_dataloader()))
    kept = batch["labels"][0]
    return [WORDS[token] for token in kept[kept != -100]], batch


words, batch = learned(MESSAGES)
completion, _ = learned(PAIRS)
share = words.count("<image>") / len(words)
others = [word for word in words if word != "<image>"]
print(f"rows of messages: {len(words)} labels, {words.count('<image>')} of them placeholders of the picture; the others are {others}")
print(f"rows of prompt and completion: {len(completion)} labels, {completion}")


def gradients(labels):
    model.zero_grad()
    loss = model(**{**batch, "labels": labels}).loss
    loss.backward()
    return float(loss.detach()), model.lm_head.weight.grad[WORDS.index("bus")].clone()


text_labels = batch["labels"].masked_fill(batch["labels"] == WORDS.index("<image>"), -100)
(_, theirs), (_, right) = gradients(batch["labels"]), gradients(text_labels)
print(f"gradient of the word 'bus': {float(theirs.norm()):.4f}, of text alone {float(right.norm()):.4f}")
optimizer = torch.optim.AdamW(model.parameters(), lr=0.003)
for _ in range(12):
    loss = gradients(batch["labels"])[0]
    optimizer.step()
text_loss = gradients(text_labels)[0]
print(f"after 12 steps: loss of the trainer {loss:.2f}, of the text {text_loss:.2f}")
print("expected: no placeholders among the labels, and equal numbers")
sys.exit(not (words.count("<image>") == 64 and share > 0.8 and "<image>" not in completion and theirs.norm() < 0.8 * right.norm() and loss < text_loss / 2))
PYTHON
