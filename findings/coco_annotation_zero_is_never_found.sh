#!/usr/bin/env bash
# One would guess that COCOeval gives an AP of 1 where every box is found exactly. It writes down the id of the annotation that
# a box was matched to, and takes 0 for "none": a box that finds the annotation of id 0 counts as a false one, and the
# annotation as missed. COCO's own files count from 1 or higher; files made by enumerate() begin at 0, and lose one annotation
# in silence. An id of 0 for the picture or for the category does no harm.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check pycocotools==2.0.11 numpy==2.4.6 2> /dev/null
"$work/venv/bin/python" - <<'PYTHON'
import contextlib
import io
import sys
from importlib.metadata import version

from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

print("pycocotools", version("pycocotools"))
BOX = [10, 10, 50, 50]


def evaluated(first_annotation, first_picture=1, category=1, pictures=4):
    """AP and the recall of up to 100 boxes, of boxes that are those of the annotations."""
    truth = COCO()
    truth.dataset = {
        "images": [{"id": first_picture + n, "width": 100, "height": 100} for n in range(pictures)],
        "categories": [{"id": category, "name": "box"}],
        "annotations": [
            {
                "id": first_annotation + n, "image_id": first_picture + n, "category_id": category,
                "bbox": BOX, "area": 2500, "iscrowd": 0,
            }
            for n in range(pictures)
        ],
    }
    truth.createIndex()
    found = [{"image_id": first_picture + n, "category_id": category, "bbox": BOX, "score": 0.9} for n in range(pictures)]
    evaluation = COCOeval(truth, truth.loadRes(found), "bbox")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    return round(float(evaluation.stats[0]), 3), round(float(evaluation.stats[8]), 3)


with contextlib.redirect_stdout(io.StringIO()):
    seen = {
        "annotations from 1": evaluated(1),
        "annotations from 0": evaluated(0),
        "annotations from 0, one picture": evaluated(0, pictures=1),
        "pictures and category from 0": evaluated(1, 0, 0),
    }
print("every box is found exactly; expected of each: AP 1, recall 1")
for name, (precision, recall) in seen.items():
    print(f"{name}: AP {precision}, recall {recall}")
one, zero, single, others = seen.values()
sys.exit(not (one == others == (1.0, 1.0) and zero[0] < 0.6 and zero[1] == 0.75 and single == (0.0, 0.0)))
PYTHON
