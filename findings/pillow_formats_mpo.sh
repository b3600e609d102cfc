#!/bin/sh
# Pillow 13.0.0: Image.open(file, formats=["JPEG", "MPO", "PNG"]) raises KeyError: 'MPO' for a PNG,
# while it opens a JPEG. Images report the format "MPO", and the documentation of `formats` sends
# readers to `python3 -m PIL`, which lists MPO; but it shares JPEG's factory and is not registered
# for opening, and the list is only followed up to the first format that fits.
# Expected: the PNG, or an error about the name for every file.
# Met by rubberduck/custom_models/pictures.py, which lists JPEG only and gets MPO files by it.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pillow==13.0.0
"$folder/venv/bin/python" - <<'PYTHON'
from io import BytesIO

from PIL import Image

FORMATS = ["JPEG", "MPO", "PNG"]


def opened(kind):
    file = BytesIO()
    Image.new("RGB", (8, 8)).save(file, kind)
    try:
        return Image.open(file, formats=FORMATS).format
    except KeyError as error:
        return f"KeyError: {error}"


def second_frame():
    file = BytesIO()
    image = Image.new("RGB", (8, 8))
    image.save(file, "MPO", save_all=True, append_images=[image])
    return Image.open(file, formats=["JPEG"]).format


found = {kind: opened(kind) for kind in ("JPEG", "PNG")}
print("pillow 13.0.0, expected: JPEG and PNG are opened with formats =", FORMATS)
print("what happens:", found, "- and formats=['JPEG'] opens an MPO as", second_frame())
if found != {"JPEG": "JPEG", "PNG": "KeyError: 'MPO'"} or second_frame() != "MPO":
    raise SystemExit("changed: formats may name MPO now")
PYTHON
