#!/bin/sh
# mean-average-precision 2024.1.5.0: what its README calls "COCO mAP" measures each box one pixel
# wider and higher than COCO does (compute_iou in utils.py adds 1 to every side, as PASCAL VOC did
# with whole pixels). Small boxes and boxes in fractions of the picture match where they should not:
# pycocotools finds nothing right here, this package everything.
# Expected: the average precision of pycocotools, with the COCO settings of the README.
# Found while comparing implementations of average precision.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    mean-average-precision==2024.1.5.0 pycocotools==2.0.11 numpy==2.4.6 pandas==3.1.1
"$folder/venv/bin/python" - <<'PYTHON'
from contextlib import redirect_stdout
from io import StringIO

import numpy as np
from mean_average_precision import MetricBuilder
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

# Corners: the true box, and one found that shares less than half of both together.
PAIRS = {
    "10 pixels": ((10, 10, 20, 20), (10, 10, 20, 14.6)),
    "fractions": ((0.1, 0.1, 0.3, 0.3), (0.3, 0.3, 0.5, 0.5)),
}


def by_package(true, found):
    metric = MetricBuilder.build_evaluation_metric("map_2d", async_mode=False, num_classes=1)
    metric.add(np.array([[*found, 0, 0.9]]), np.array([[*true, 0, 0, 0]]))
    recalls = np.arange(0.0, 1.01, 0.01)
    return float(metric.value(iou_thresholds=0.5, recall_thresholds=recalls, mpolicy="soft")["mAP"])


def by_pycocotools(true, found):
    sizes = [[left, top, right - left, low - top] for left, top, right, low in (true, found)]
    truth = COCO()
    truth.dataset = {
        "images": [{"id": 1}],
        "categories": [{"id": 1}],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 1, "iscrowd": 0}
            | {"bbox": sizes[0], "area": sizes[0][2] * sizes[0][3]}
        ],
    }
    truth.createIndex()
    answer = {"image_id": 1, "category_id": 1, "bbox": sizes[1], "score": 0.9}
    scoring = COCOeval(truth, truth.loadRes([answer]), "bbox")
    scoring.evaluate()
    scoring.accumulate()
    scoring.summarize()
    return float(scoring.stats[1])


with redirect_stdout(StringIO()):
    results = {name: (by_pycocotools(*pair), by_package(*pair)) for name, pair in PAIRS.items()}
print("AP at IoU 0.5, expected: as pycocotools 2.0.11, to three decimals")
for name, (expected, found) in results.items():
    print(f"{name}: pycocotools {expected:.3f}, mean-average-precision 2024.1.5.0 {found:.3f}")
if any(expected != 0 or found < 0.99 for expected, found in results.values()):
    raise SystemExit("changed: they agree now, or differ otherwise")
PYTHON
