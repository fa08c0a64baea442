#!/usr/bin/env bash
# `MetricCollection` of torchmetrics computes several metrics at once, and one would guess that each gives what it gives alone. To
# save time it compares their counts after the first batch, and lets those whose counts are equal share one from then on: two
# thresholds, or one metric with and one without `ignore_index`, stay one metric if the first batch does not tell them apart, as a
# batch of clear answers does. The later batches are counted for the first of them only. `compute_groups=False` is right.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 torchmetrics==1.9.0 numpy==2.4.6 2> /dev/null
"$work/venv/bin/python" - 2> /dev/null <<'PYTHON'
import sys
from importlib.metadata import version

import torch
from torchmetrics import MetricCollection
from torchmetrics.classification import BinaryAccuracy, MulticlassF1Score

print(", ".join(f"{name} {version(name)}" for name in ("torch", "torchmetrics")))


def thresholds():
    return {"over a half": BinaryAccuracy(threshold=0.5), "over 90 percent": BinaryAccuracy(threshold=0.9)}


def ignoring():
    return {"all classes": MulticlassF1Score(3), "class 2 ignored": MulticlassF1Score(3, ignore_index=2)}


SCORES = [([0.95, 0.99, 0.01], [1, 1, 0]), ([0.6, 0.7, 0.8, 0.2], [1, 1, 1, 0])]
CLASSES = [([0, 1], [0, 1]), ([2, 0, 1], [2, 2, 1])]


def values(metrics, batches):
    """Of a dictionary of metrics, or of a collection, after all batches."""
    for answers, truth in batches:
        for metric in metrics.values() if isinstance(metrics, dict) else [metrics]:
            metric.update(torch.tensor(answers), torch.tensor(truth))
    found = {name: metric.compute() for name, metric in metrics.items()} if isinstance(metrics, dict) else metrics.compute()
    return {name: round(float(value), 3) for name, value in found.items()}


seen = []
for told, metrics, batches in (("accuracy", thresholds, SCORES), ("F1", ignoring, CLASSES)):
    alone, grouped = values(metrics(), batches), values(MetricCollection(metrics()), batches)
    single, turned = values(MetricCollection(metrics(), compute_groups=False), batches), values(MetricCollection(metrics()), batches[::-1])
    seen.append((alone, grouped, single, turned))
    print(f"{told}, each metric alone: {alone}\n  in a collection: {grouped}")
    print(f"  in a collection, batches in the other order: {turned}\n  in a collection without compute_groups: {single}")
print("expected: four equal lines for each")
sys.exit(not all(alone == single == turned and grouped != alone and len(set(grouped.values())) == 1 for alone, grouped, single, turned in seen))
PYTHON
