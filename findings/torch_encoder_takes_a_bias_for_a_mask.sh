#!/usr/bin/env bash
# A float mask is added to the scores of attention, say torch's docs, so distances between tokens (ALiBi) or learned biases go
# through the `src_mask` of nn.TransformerEncoderLayer. In training they do. In evaluation without gradients the layer takes a
# faster way, and there every number but 0 means "must not be seen". With ALiBi each token then sees only itself; where no
# entry of a row is 0 the result is NaN. Nothing warns. With gradients `eval()` is right, and so is nn.MultiheadAttention
# alone. A causal mask of 0 and -inf means the same in both ways. `torch.backends.mha.set_fastpath_enabled(False)` keeps the
# slower way.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6 2> /dev/null
OMP_NUM_THREADS=1 "$work/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import torch
from torch import nn

print("torch", torch.__version__)
torch.manual_seed(0)
features, places = torch.randn(4, 8, 32), torch.arange(8)
encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(32, 4, 64, dropout=0.0, batch_first=True), 2)
MASKS = {
    "0 and -inf (causal)": nn.Transformer.generate_square_subsequent_mask(8),
    "ALiBi": -0.5 * (places[:, None] - places).abs(),
    "learned biases": torch.randn(8, 8),
}


def off(one, other):
    return float((one - other).abs().max())


results = []
for name, mask in MASKS.items():
    trained = encoder.train()(features, mask=mask).detach()
    encoder.eval()
    with_gradients = encoder(features, mask=mask).detach()
    with torch.no_grad():
        fast = encoder(features, mask=mask)
        as_mask = encoder(features, mask=mask != 0)
        torch.backends.mha.set_fastpath_enabled(False)
        slow = encoder(features, mask=mask)
        torch.backends.mha.set_fastpath_enabled(True)
    results.append([off(found, trained) < 1e-4 for found in (with_gradients, fast, slow)])
    results[-1].append(torch.allclose(fast, as_mask, atol=1e-5, equal_nan=True))
    print(f"{name}: beside training, off by {off(with_gradients, trained):.2f} in evaluation with gradients, "
          f"{off(fast, trained):.2f} without, {off(slow, trained):.2f} without the fast path")
    print(f"    without gradients the same as with the mask `biases != 0`: {results[-1][-1]}")
print("expected: off by 0.00 everywhere")
sys.exit(results != [[True, True, True, True], [True, False, True, True], [True, False, True, True]])
PYTHON
