#!/bin/sh
# MoviePy 2.2.1 leaves out the last frame of many videos: it takes the duration from the line that
# `ffmpeg` prints, which has two decimals, and multiplies it by the rate without rounding (n_frames
# in video/io/ffmpeg_reader.py, iter_frames in Clip.py). 31 frames at 30 a second last 1.0333 s; with
# 1.03 s they become 30.9, and so 30. At 30 a second a third of all lengths is affected.
# Expected: as many frames as the file has; a copy written with write_videofile is shorter as well.
# Found while looking for readers of videos, whose boxes go by the number of the frame.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    moviepy==2.2.1 imageio==2.38.1 imageio-ffmpeg==0.8.1 numpy==2.4.6 pillow==11.3.0
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import subprocess
import sys

import imageio_ffmpeg
import moviepy

folder = sys.argv[1]


def counts(frames, rate):
    """Make a video of `frames` frames; return those in the file, read by MoviePy and in its copy."""
    path, copy = f"{folder}/clip.mp4", f"{folder}/copy.mp4"
    source = f"testsrc=size=64x48:rate={rate}"
    command = f"-y -v error -f lavfi -i {source} -frames:v {frames} -c:v libx264 {path}"
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), *command.split()], check=True)
    clip = moviepy.VideoFileClip(path)
    read = sum(1 for _ in clip.iter_frames())
    clip.write_videofile(copy, logger=None)
    clip.close()
    return tuple(
        read if file is None else imageio_ffmpeg.count_frames_and_secs(file)[0]
        for file in (path, None, copy)
    )


found = {(frames, rate): counts(frames, rate) for frames, rate in ((30, 30), (31, 30), (48, "24000/1001"))}
print("moviepy 2.2.1, expected: the same number three times")
for (frames, rate), numbers in found.items():
    print(f"what happens with {frames} frames at {rate}: file, read, copy:", *numbers)
if list(found.values()) != [(30, 30, 30), (31, 30, 30), (48, 47, 47)]:
    raise SystemExit("changed: MoviePy counts otherwise now")
PYTHON
