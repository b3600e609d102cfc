#!/bin/sh
# sahi 0.12.8: Coco.from_coco_dict_or_path(..., use_threads=True) leaves pictures out unless their
# number divides by num_threads: each thread takes the pictures from int(n * size) to
# int(int(n * size) + size), and where `size` has a fraction, the last one of a part falls out. Of 25
# pictures five are lost with all their boxes, of nine all. Nothing is said.
# Expected: the same pictures with and without threads; documented is only "Use threads when
# processing the json image list".
# Found while trying libraries that convert labels. tqdm's progress bars are switched off here: they
# are no part of what is shown.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    sahi==0.12.8 numpy==2.4.6 tqdm==4.67.1
TQDM_DISABLE=1 "$folder/venv/bin/python" - <<'PYTHON'
import tqdm
from sahi.utils.coco import Coco

tqdm.tqdm.monitor_interval = 0


def loaded(number, **options):
    coco = {
        "images": [
            {"id": each, "file_name": f"{each}.jpg", "width": 100, "height": 80}
            for each in range(1, number + 1)
        ],
        "categories": [{"id": 1, "name": "cat"}],
        "annotations": [
            {"id": each, "image_id": each, "category_id": 1}
            | {"bbox": [10, 10, 20, 20], "area": 400, "iscrowd": 0}
            for each in range(1, number + 1)
        ],
    }
    return len(Coco.from_coco_dict_or_path(coco, **options).images)


NUMBERS = [9, 20, 25, 1001]
found = {number: (loaded(number), loaded(number, use_threads=True)) for number in NUMBERS}
print("sahi 0.12.8, expected: as many pictures as are in the file, with threads, too")
print("what happens, number: (without threads, with ten):", found)
if found != {9: (9, 0), 20: (20, 20), 25: (25, 20), 1001: (1001, 1000)}:
    raise SystemExit("changed: no pictures are lost now, or others")
PYTHON
