#!/usr/bin/env bash
# The binary metrics of torchmetrics take probabilities or logits: where a number is outside of 0 to 1, they apply a sigmoid. They
# decide that anew for each batch. One would guess that a metric does not depend on how rows are batched, but a batch whose logits
# all happen to lie between 0 and 1 stays as it is, and its scores are then ranked among probabilities of other batches, or cut at
# 0.5, a logit of 0.5 and not of 0. AUROC, average precision and accuracy fall, most in small batches, as of one picture. Nothing
# warns. Call `.sigmoid()` first.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 2> /dev/null \
    torch==2.13.0 torchmetrics==1.9.0 scikit-learn==1.9.1 numpy==2.4.6
"$work/venv/bin/python" - 2> /dev/null <<'PYTHON'
import sys
from importlib.metadata import version

import torch
from sklearn.metrics import accuracy_score, average_precision_score, roc_auc_score
from torchmetrics.classification import BinaryAccuracy, BinaryAUROC, BinaryAveragePrecision

print(", ".join(f"{name} {version(name)}" for name in ("torch", "torchmetrics", "scikit-learn")))
generator = torch.Generator().manual_seed(0)
logits = 1.2 * torch.randn(400, generator=generator)
truth = (logits + torch.randn(400, generator=generator) > 0).long()


def scores(rows, activate=lambda numbers: numbers):
    """AUROC, average precision and accuracy, of so many rows a batch."""
    metrics = BinaryAUROC(), BinaryAveragePrecision(), BinaryAccuracy()
    for start in range(0, len(logits), rows):
        for metric in metrics:
            metric.update(activate(logits[start : start + rows]), truth[start : start + rows])
    return [round(float(metric.compute()), 3) for metric in metrics]


judged = [roc_auc_score(truth, logits), average_precision_score(truth, logits), accuracy_score(truth, logits > 0)]
judged = [round(float(score), 3) for score in judged]
found = {rows: scores(rows) for rows in (400, 16, 4, 2, 1)}
safe = scores(1, torch.sigmoid)
print("{:<34} AUROC {}, average precision {}, accuracy {}".format("scikit-learn:", *judged))
for rows, three in found.items():
    print("{:<34} AUROC {}, average precision {}, accuracy {}".format(f"torchmetrics, rows in a batch: {rows}", *three))
print("{:<34} AUROC {}, average precision {}, accuracy {}".format("the same of 1, after a sigmoid:", *safe))
print("expected: equal lines")
sys.exit(not (found[400] == safe == judged and all(one < right - 0.03 for one, right in zip(found[1], judged, strict=True))))
PYTHON
