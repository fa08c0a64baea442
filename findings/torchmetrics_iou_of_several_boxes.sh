#!/usr/bin/env bash
# One would guess that `IntersectionOverUnion` of torchmetrics is 1 where every box is predicted exactly. It is the mean over
# all pairs of a predicted box and a true one of the same label in a picture: two boxes apart from each other give 0.5, five
# give 0.2, and a model that finds one of five boxes gets no less than one that finds all. The functional form takes the pairs
# in order and gives 1. Generalized IoU does the same. Installs about 6 GB.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 2> /dev/null \
    torch==2.14.1 torchvision==0.29.1 torchmetrics==1.9.0 numpy==2.4.6
"$work/venv/bin/python" - 2> /dev/null <<'PYTHON'
import sys
from importlib.metadata import version

import torch
from torchmetrics.detection import GeneralizedIntersectionOverUnion, IntersectionOverUnion
from torchmetrics.functional.detection import intersection_over_union

print(", ".join(f"{name} {version(name)}" for name in ("torch", "torchvision", "torchmetrics")))
starts = 20.0 * torch.arange(5).unsqueeze(1)
boxes = torch.cat((starts, starts, starts + 10, starts + 10), 1)


def score(metric, found, true, same_label=True):
    def one(boxes):
        labels = torch.zeros(len(boxes), dtype=torch.long) if same_label else torch.arange(len(boxes))
        return {"boxes": boxes, "labels": labels}

    metric.update([one(found)], [one(true)])
    return round(float(next(iter(metric.compute().values()))), 3)


seen = {
    "one box": score(IntersectionOverUnion(), boxes[:1], boxes[:1]),
    "two boxes": score(IntersectionOverUnion(), boxes[:2], boxes[:2]),
    "five boxes": score(IntersectionOverUnion(), boxes, boxes),
    "five boxes of five labels": score(IntersectionOverUnion(), boxes, boxes, same_label=False),
    "two boxes, generalized": score(GeneralizedIntersectionOverUnion(), boxes[:2], boxes[:2]),
    "five boxes, functional": round(float(intersection_over_union(boxes, boxes)), 3),
}
print("every box is predicted exactly; expected of each: 1")
for name, value in seen.items():
    print(f"{name}: {value}")
part = score(IntersectionOverUnion(), boxes[:1], boxes)
print(f"one of five boxes is predicted; expected: less than for all five; seen: {part}")
values = list(seen.values())
sys.exit(not (values[:4] == [1.0, 0.5, 0.2, 1.0] and values[4] < 0.5 and values[5] == 1.0 and part == 0.2))
PYTHON
