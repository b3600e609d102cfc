#!/bin/sh
# ImageHash 4.3.2: colorhash promises "binbits number of bits to use to encode each pixel fractions",
# but the bits are wrong: `v // 2**(binbits-i-1) % 2**(binbits-i) > 0` is true whenever any of the
# higher bits is set as well. With the default of three bits, 4 becomes 110 like 6, and 5 becomes 111
# like 7. A picture that is half black, half blue, and one that is three quarters black have the same
# hash, while 3/8 and 1/2 black differ in two bits. And colours of the saturation 170 are in no bin:
# a picture all of such a red has the hash 0, as if it had no pixels.
# Expected: equal hashes for equal eighths only, and a bin for each colour.
# Found while trying libraries that find near duplicates.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    imagehash==4.3.2 numpy==2.4.6 pillow==12.3.0
"$folder/venv/bin/python" - <<'PYTHON'
import imagehash
from PIL import Image


def blue(eighths_black):
    picture = Image.new("RGB", (80, 80), "dodgerblue")
    picture.paste("black", (0, 0, 10 * eighths_black, 80))
    return imagehash.colorhash(picture, binbits=3)


codes = ["".join("01"[int(bit)] for bit in blue(number).hash[0]) for number in range(8)]
distances = {pair: int(blue(pair[0]) - blue(pair[1])) for pair in ((3, 4), (4, 6), (5, 7))}
reds = [str(imagehash.colorhash(Image.new("RGB", (80, 80), (255, g, g)))) for g in (84, 85, 86)]
print("ImageHash 4.3.2, expected: black eighths as", [f"{number:03b}" for number in range(8)])
print("what happens:", codes)
print("bits that differ between so many black eighths:", distances)
print("hashes of three reds that are nearly the same:", reds)
if codes[4:] != ["110", "111", "110", "111"] or distances != {(3, 4): 2, (4, 6): 0, (5, 7): 0}:
    raise SystemExit("changed: the fractions are kept apart now, or otherwise")
if [int(red, 16) == 0 for red in reds] != [False, True, False]:
    raise SystemExit("changed: every saturation has a bin now")
PYTHON
