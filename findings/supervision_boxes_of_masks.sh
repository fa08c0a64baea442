#!/usr/bin/env bash
# One would guess that the box of a mask has the mask's width and height. `mask_to_xyxy` of supervision gives the last row and
# column of the mask as the right and lower side, so that its boxes are a pixel too narrow and too low: supervision's own areas
# and IoU, and COCO's, take the sides as the ends. A mask of one pixel's height has an area of 0 and an IoU of 0 with itself,
# and an exact mask of 5 by 5 pixels has an IoU of 0.64 with its annotation. pycocotools and OpenCV give the whole box.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check 2> /dev/null \
    supervision==0.31.2 pycocotools==2.0.11 opencv-python-headless==5.0.0.93 numpy==2.4.6
venv/bin/python - 2> /dev/null <<'PYTHON'
import sys
from importlib.metadata import version

import cv2
import numpy as np
import supervision
from pycocotools import mask as coco

for name in ("supervision", "pycocotools", "opencv-python-headless"):
    print(name, version(name))
same = True
for height, width, seen in ((50, 100, 0.9702), (5, 5, 0.64), (1, 12, 0.0)):
    mask = np.zeros((200, 200), np.uint8)
    mask[20 : 20 + height, 30 : 30 + width] = 1
    box = supervision.mask_to_xyxy(mask[None].astype(bool))
    left, top, *size = (int(side) for side in coco.toBbox(coco.encode(np.asfortranarray(mask))))
    annotated = np.array([[left, top, left + size[0], top + size[1]]])
    iou = float(supervision.box_iou_batch(annotated, box)[0, 0])
    detections = supervision.Detections(xyxy=box.astype(float), mask=mask[None].astype(bool))
    print(
        f"mask of {width} x {height} pixels: supervision {box[0].tolist()}, box area {float(detections.box_area[0]):g} of"
        f" {int(mask.sum())}; COCO {annotated[0].tolist()}, OpenCV's size {list(cv2.boundingRect(mask)[2:])}; IoU {iou:.4f}"
    )
    same &= list(cv2.boundingRect(mask)) == [left, top, *size] and size == [width, height] and abs(iou - seen) < 1e-3
    same &= box[0].tolist() == [30, 20, 29 + width, 19 + height]
    same &= height > 1 or float(supervision.box_iou_batch(box, box)[0, 0]) == 0
sys.exit(not same)
PYTHON
