#!/bin/sh
# perception 0.9.3 gives a sideways photo two different hashes: compute("photo.jpg") turns it by its
# Exif tag, but the bytes of the same file, or Image.open("photo.jpg"), are taken as they are stored
# (`read` in hashers/tools.py: cv2.imread turns, cv2.imdecode with IMREAD_UNCHANGED does not). Half
# of the bits differ, as between two photos that have nothing in common, so an upload that is hashed
# in memory is not found among hashes of files. No documentation speaks of turning.
# Expected: one hash for one photo, as a photo that is stored upright has.
# Found while trying libraries that find near duplicates. Use ImageOps.exif_transpose before.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    perception==0.9.3 numpy==2.4.6 pillow==12.3.0
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import sys
from io import BytesIO
from pathlib import Path

from perception import hashers
from PIL import Image, ImageDraw

ORIENTATION, RIGHT_TOP = 0x0112, 6  # to be turned by 90 degrees for showing
folder = Path(sys.argv[1])
upright = Image.new("RGB", (300, 200), "skyblue")
draw = ImageDraw.Draw(upright)
draw.rectangle((0, 130, 300, 200), fill="darkgreen")
draw.ellipse((40, 60, 160, 180), fill="gold")
draw.polygon([(180, 150), (230, 20), (280, 150)], fill="maroon")
exif = Image.Exif()
exif[ORIENTATION] = RIGHT_TOP
upright.save(folder / "upright.jpg", quality=95)
upright.rotate(90, expand=True).save(folder / "sideways.jpg", quality=95, exif=exif)

found = {}
for hasher in (hashers.PHash(), hashers.DHash(), hashers.AverageHash()):
    for name in ("upright", "sideways"):
        path = folder / f"{name}.jpg"
        with Image.open(path) as picture:
            ways = (str(path), BytesIO(path.read_bytes()), picture)
            by_file, by_bytes, by_picture = [hasher.compute(way) for way in ways]
        pairs = [(by_file, by_bytes), (by_file, by_picture)]
        found[type(hasher).__name__, name] = [
            round(float(hasher.compute_distance(*pair)), 2) for pair in pairs
        ]
print("perception 0.9.3, share of the bits that differ between the hashes of a file and of its bytes,")
print("and of the file and of the picture that Pillow opens. Expected: nearly 0 each")
print("what happens:", found)
for (_, name), shares in found.items():
    if name == "upright" and max(shares) > 0.1 or name == "sideways" and min(shares) < 0.25:
        raise SystemExit("changed: files, bytes and pictures are turned alike now, or not at all")
PYTHON
