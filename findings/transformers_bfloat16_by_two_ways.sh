#!/usr/bin/env bash
# One would guess that a model loaded with `dtype=torch.bfloat16` is the model loaded in float32 and then sent `.to(torch.bfloat16)`:
# the weights are equal, bit by bit. But `.to`, `.bfloat16()` and `.half()`, which also wrappers of models call, round the frequencies
# of the rotary embeddings too, as they are buffers; loading leaves them in float32. The positions go wrong by up to 0.2 percent,
# which is nothing at position 10 and most of a radian at 4000: the longer the text, or the more visual tokens, the
# further the answers are from those of the float32 model. Load with `dtype`.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6 transformers==5.24.0 2> /dev/null
OMP_NUM_THREADS=1 "$work/venv/bin/python" -W ignore - "$work/model" 2> "$work/log" <<'PYTHON' || { cat "$work/log" >&2; exit 1; }
import sys
from importlib.metadata import version

import torch
from transformers import LlamaConfig, LlamaForCausalLM

print(", ".join(f"{name} {version(name)}" for name in ("torch", "transformers")))
sizes = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 2}
torch.manual_seed(0)
model = LlamaForCausalLM(LlamaConfig(vocab_size=64, max_position_embeddings=8192, **sizes))
for weight in model.parameters():
    weight.data *= 8 if weight.dim() > 1 else 1  # sharp attention, as trained models have it
model.save_pretrained(sys.argv[1])

full = LlamaForCausalLM.from_pretrained(sys.argv[1], dtype=torch.float32).eval()
loaded = LlamaForCausalLM.from_pretrained(sys.argv[1], dtype=torch.bfloat16).eval()
sent = LlamaForCausalLM.from_pretrained(sys.argv[1], dtype=torch.float32).to(torch.bfloat16).eval()
mended = LlamaForCausalLM.from_pretrained(sys.argv[1], dtype=torch.float32).to(torch.bfloat16).eval()
mended.model.rotary_emb.inv_freq = full.model.rotary_emb.inv_freq.clone()
same = all(torch.equal(one, other) for one, other in zip(loaded.parameters(), sent.parameters(), strict=True))
kinds = [str(one.model.rotary_emb.inv_freq.dtype) for one in (loaded, sent)]
error = float((sent.model.rotary_emb.inv_freq.float() - full.model.rotary_emb.inv_freq).abs().max()) * 4000
print(f"weights equal: {same}; frequencies in {kinds[0]} if loaded so, in {kinds[1]} if sent; angle off at position 4000: {error:.2f}")

tokens = torch.randint(0, 64, (1, 3000), generator=torch.Generator().manual_seed(1))
with torch.no_grad():
    truth, *others = (one(tokens).logits[0].float().log_softmax(-1) for one in (full, loaded, sent, mended))
away = [(truth.exp() * (truth - other)).sum(-1) for other in others]
rows = {}
for start, end in ((0, 100), (900, 1000), (2900, 3000)):
    rows[start] = [float(one[start:end].mean()) for one in away]
    print("positions {} to {}, divergence from float32: {:.5f} loaded, {:.5f} sent, {:.5f} sent and mended".format(start, end, *rows[start]))
print("expected: equal numbers in each line")
far, near = rows[2900], rows[0]
sys.exit(not (same and kinds == ["torch.float32", "torch.bfloat16"] and far[1] > 10 * far[0] and far[2] < 2 * far[0] and near[1] < 3 * near[0]))
PYTHON
