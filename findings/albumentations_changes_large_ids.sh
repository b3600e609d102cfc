#!/bin/sh
# albumentations 2.0.8 changes whole numbers in `label_fields`: they travel in the same float32
# array as the corners, so everything above 16,777,216 is rounded, while the array that comes back
# has the type int64 again and looks untouched. COCO's own ids are larger: those of its crowds begin
# at 900100000000. Several boxes then get one id, and others' ids.
# Expected: label fields come back as they were given, as BboxParams and its examples suggest.
# Found while trying libraries that augment labelled pictures. Ids given as strings are kept.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    albumentations==2.0.8 numpy==2.4.6 opencv-python-headless==5.0.0.93
NO_ALBUMENTATIONS_UPDATE=1 "$folder/venv/bin/python" - <<'PYTHON'
import albumentations
import numpy as np

GIVEN = np.array([7, 16_777_217, 900_100_000_001, 900_100_000_002])
BOXES = [[10.0 * number, 20.0, 8.0, 30.0] for number in range(1, 5)]
flip = albumentations.Compose(
    [albumentations.HorizontalFlip(p=1)],
    bbox_params=albumentations.BboxParams(format="coco", label_fields=["ids", "names"]),
)
flipped = flip(
    image=np.zeros((100, 100, 3), np.uint8),
    bboxes=np.array(BOXES),
    ids=GIVEN,
    names=[str(each) for each in GIVEN],
)
ids, names = np.asarray(flipped["ids"]), list(flipped["names"])
print("albumentations", albumentations.__version__, "expected:", GIVEN.dtype, GIVEN.tolist())
print("what happens:", ids.dtype, ids.tolist(), "- as strings:", names)
if ids.tolist() != [7, 16_777_216, 900_099_997_696, 900_099_997_696]:
    raise SystemExit("changed: the ids are kept, or changed otherwise")
if ids.dtype != np.int64 or names != [str(each) for each in GIVEN]:
    raise SystemExit("changed: the type shows it now, or strings are not kept any more")
PYTHON
