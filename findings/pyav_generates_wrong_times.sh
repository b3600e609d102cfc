#!/bin/sh
# PyAV 18.1.0: the frames of an AVI with H.264 and B-frames come in the right order, but their `pts`
# do not rise: 1, 4, 3, 5, 2. Every container is opened with FFmpeg's flag "gen_pts", which the
# `ffmpeg` program leaves off, and nothing in PyAV's documentation of `Frame.pts` says so.
# Expected: frames from `container.decode` have rising presentation times, or None where the file has
# none, as without the flag.
# Met by rubberduck/videos/decode_source.py, which takes the flag off and counts AVI's frames.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check av==18.1.0 numpy==2.3.5
"$folder/venv/bin/python" - "$folder/clip.avi" <<'PYTHON'
import sys

import av
import numpy as np
from av.container.core import Flags

path = sys.argv[1]
with av.open(path, "w") as container:
    stream = container.add_stream("libx264", rate=25, options={"bf": "3"})
    stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
    for number in range(20):
        pixels = np.full((64, 64, 3), 12 * number, np.uint8)
        container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels)))
    container.mux(stream.encode())


def read(generates):
    with av.open(path) as container:
        if not generates:
            container.flags &= ~Flags.gen_pts.value
        frames = list(container.decode(video=0))
    greys = [int(frame.to_ndarray(format="gray").mean()) for frame in frames]
    return [frame.pts for frame in frames], greys == sorted(greys)


(times, in_order), (without, _) = read(True), read(False)
print("av", av.__version__, "expected: rising times, or None")
print("what happens:", times, "- frames in their order:", in_order)
print("without the flag:", without)
if times == sorted(times) or not in_order or set(without) != {None}:
    raise SystemExit("changed: the times rise now")
PYTHON
