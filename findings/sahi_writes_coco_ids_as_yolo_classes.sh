#!/bin/sh
# sahi 0.12.8: `sahi coco yolo` and Coco.export_as_yolo write the category ids of COCO into the text
# files of YOLO, beside a data.yml whose `names` count from 0. COCO's ids begin at 1, so each box gets
# the name of the next class, and the last class has none; after a gap in the ids, as COCO's own 80
# between 1 and 90 have, the name is any. Nothing is said, and the command has no option for it.
# Expected: class numbers that point into `names`, as YOLO asks for.
# Found while trying libraries that convert labels.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    sahi==0.12.8 numpy==2.4.6 pillow==12.3.0 pyyaml==6.0.3
cat > "$folder/coco.json" <<'JSON'
{
  "images": [{"id": 1, "file_name": "a.png", "width": 100, "height": 80}],
  "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}, {"id": 7, "name": "owl"}],
  "annotations": [
    {"id": 1, "image_id": 1, "category_id": 1, "bbox": [10, 10, 20, 20], "area": 400, "iscrowd": 0},
    {"id": 2, "image_id": 1, "category_id": 2, "bbox": [40, 10, 20, 20], "area": 400, "iscrowd": 0},
    {"id": 3, "image_id": 1, "category_id": 7, "bbox": [70, 10, 20, 20], "area": 400, "iscrowd": 0}
  ]
}
JSON
"$folder/venv/bin/python" -c \
    "from PIL import Image; Image.new('RGB', (100, 80)).save('$folder/a.png')"
"$folder/venv/bin/sahi" coco yolo "$folder" "$folder/coco.json" --train_split 1 \
    --project "$folder/runs" > "$folder/log" 2>&1
"$folder/venv/bin/python" - "$folder/runs/exp" <<'PYTHON'
import sys
from pathlib import Path

import yaml

folder = Path(sys.argv[1])
names = yaml.safe_load((folder / "data.yml").read_text())["names"]
numbers = [int(line.split()[0]) for line in (folder / "train/a.txt").read_text().splitlines()]
read = [names[number] if number < len(names) else None for number in numbers]
print("sahi 0.12.8, names in data.yml:", names)
print("expected: classes 0, 1, 2, which are read as cat, dog, owl")
print("what happens:", numbers, "which are read as", read)
if names != ["cat", "dog", "owl"] or numbers != [1, 2, 7]:
    raise SystemExit("changed: the class numbers point into the names now, or otherwise")
PYTHON
