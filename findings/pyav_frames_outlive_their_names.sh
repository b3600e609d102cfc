#!/bin/sh
# PyAV 18.1.0: a decoded frame whose `side_data` was read (for example for the display matrix, which
# `rotation` tells wrongly where it mirrors) is not freed with its last name: the frame and its side
# data refer to each other, so the pixels stay until Python's garbage collector runs, which a loop
# over frames makes it do rarely. Reading a 720p video so takes 1.4 MB more for every frame.
# Expected: the memory of a frame is freed once nobody holds it, as it is without that attribute.
# Met by rubberduck/videos/decode_pictures.py, which reads it of one frame only.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check av==18.1.0 numpy==2.3.5
"$folder/venv/bin/python" - "$folder/clip.mp4" <<'PYTHON'
import resource
import sys

import av
import numpy as np

path = sys.argv[1]
FRAMES, MEGABYTES = 100, 1280 * 720 * 1.5 / 1e6
with av.open(path, "w") as container:
    stream = container.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
    stream.width, stream.height, stream.pix_fmt = 1280, 720, "yuv420p"
    frame = av.VideoFrame.from_ndarray(np.zeros((720, 1280, 3), np.uint8)).reformat(format="yuv420p")
    for number in range(FRAMES):
        frame.pts = number
        container.mux(stream.encode(frame))
    container.mux(stream.encode())


def growth(reads_side_data):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with av.open(path) as container:
        for frame in container.decode(video=0):
            if reads_side_data:
                len(frame.side_data)
            del frame
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1000


growth(False)  # what the decoder itself needs
plain, with_side_data = growth(False), growth(True)
print("av", av.__version__, f"expected: reading {FRAMES} frames holds a few of them")
print(f"what happens: {plain:.0f} MB more without side_data, {with_side_data:.0f} MB with it,")
print(f"of {FRAMES * MEGABYTES:.0f} MB in all frames")
if plain > 20 or with_side_data < 50:
    raise SystemExit("changed: the frames are freed now")
PYTHON
