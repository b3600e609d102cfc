#!/bin/sh
# globox 2.9.0 reads a turned box of CVAT ("CVAT for images 1.1", <box rotation="90">) as if it stood
# upright: BoundingBox.from_cvat looks at the corners only, which CVAT gives from before the turn
# about the middle. A box turned by 90 degrees goes so into COCO, YOLO and globox's own evaluation,
# wide where the thing is high; the IoU of the two boxes below is 0.09.
# Expected: the upright box around the turned one, or an error, as for other shapes that do not fit.
# Found while trying libraries that convert labels; apply the turn before, or export polygons.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check globox==2.9.0
cat > "$folder/labels.xml" <<'XML'
<?xml version="1.0" encoding="utf-8"?>
<annotations>
  <version>1.1</version>
  <image id="0" name="bottle.jpg" width="100" height="100">
    <box label="bottle" source="manual" occluded="0" rotation="90.00"
         xtl="20.00" ytl="45.00" xbr="80.00" ybr="55.00" z_order="0"></box>
  </image>
</annotations>
XML
"$folder/venv/bin/python" - "$folder/labels.xml" <<'PYTHON'
import sys

from globox import AnnotationSet, BoundingBox

(read,) = [box for each in AnnotationSet.from_cvat(sys.argv[1]) for box in each.boxes]
turned = BoundingBox.create(label="bottle", coords=(45, 20, 55, 80))
print("globox 2.9.0, expected: left, top, right, bottom", turned.ltrb)
print("what happens:", read.ltrb, "- of both together they share", round(read.iou(turned), 3))
if read.ltrb != (20, 45, 80, 55):
    raise SystemExit("changed: globox heeds the turn now")
PYTHON
