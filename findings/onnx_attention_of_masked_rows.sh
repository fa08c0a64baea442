#!/usr/bin/env bash
# In torch a query that may attend to no key gets zeros, as the queries at the padding of a batch of pictures or windows do, and one
# would guess that an exported model does the same. Up to opset 22 the exporter writes attention out as a softmax over masked scores: of a
# mask of booleans onnxruntime gives such a query the mean of all values, masked ones as well, and of a float mask with -inf it gives
# nan, which the next mean over the picture spreads. Checks of the export with whole pictures pass. From opset 23 there is an
# Attention operator, and it gives zeros; the default opset is an older one.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check 2> /dev/null \
    torch==2.13.0 numpy==2.4.6 onnx==1.23.2 onnxscript==0.7.2 onnxruntime==1.32.0
OMP_NUM_THREADS=1 venv/bin/python -W ignore - 2> log <<'PYTHON' || { cat log >&2; exit 1; }
import sys
from importlib.metadata import version

import numpy as np
import onnx
import onnxruntime
import torch
from torch.nn.functional import scaled_dot_product_attention

print(", ".join(f"{name} {version(name)}" for name in ("torch", "onnx", "onnxscript", "onnxruntime")))


class Attention(torch.nn.Module):
    def forward(self, query, key, value, mask):
        return scaled_dot_product_attention(query, key, value, attn_mask=mask)


generator = torch.Generator().manual_seed(0)
query, key, value = (torch.randn(1, 1, 3, 4, generator=generator) for _ in range(3))
ALLOWED = torch.tensor([[True, True, False], [True, False, False], [False, False, False]])
MASKS = {"booleans": ALLOWED, "-inf": torch.zeros(3, 3).masked_fill(~ALLOWED, float("-inf"))}


def exported(mask, opset):
    """The opset of the exported model, and what onnxruntime gives by it."""
    inputs = query, key, value, mask
    torch.onnx.export(Attention().eval(), inputs, "model.onnx", dynamo=True, opset_version=opset, verbose=False)
    used = next(one.version for one in onnx.load("model.onnx").opset_import if not one.domain)
    session = onnxruntime.InferenceSession("model.onnx", providers=["CPUExecutionProvider"])
    given = {name.name: one.numpy() for name, one in zip(session.get_inputs(), inputs, strict=True)}
    return used, session.run(None, given)[0][0, 0]


def kind(rows):
    last, mean = rows[2], value[0, 0].mean(0).numpy()
    return "nan" if np.isnan(last).all() else "zeros" if not last.any() else "the mean of all values" if np.allclose(last, mean, atol=1e-5) else str(last)


seen, defaults = {}, set()
for name, mask in MASKS.items():
    right = Attention()(query, key, value, mask)[0, 0].numpy()
    seen[name] = [kind(right)]
    print(f"mask of {name}, a query that may see nothing: {kind(right)} in torch")
    for opset in (None, 23):
        used, rows = exported(mask, opset)
        assert np.allclose(rows[:2], right[:2], atol=1e-5)
        seen[name].append(kind(rows))
        defaults |= {used} if opset is None else set()
        print(f"  {kind(rows)} in onnxruntime, opset {used}{' (the default)' if opset is None else ''}; other queries are equal")
print("expected: zeros in every line")
BEFORE_23 = {"booleans": "the mean of all values", "-inf": "nan"}
sys.exit(seen != {name: ["zeros", wrong, "zeros"] for name, wrong in BEFORE_23.items()} or max(defaults) >= 23)
PYTHON
