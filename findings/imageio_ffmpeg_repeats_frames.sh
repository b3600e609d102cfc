#!/bin/sh
# imageio-ffmpeg 0.8.1: read_frames repeats and drops frames of a video with a variable rate, such as
# telephones and screen recorders write: `ffmpeg` fills its raw output up to a steady rate, and the
# library neither turns that off nor tells the rate. So `fps` in the library's own metadata, which
# is the mean rate of the file, does not fit the frames that follow, and count_frames_and_secs, to
# which the documentation sends for their number, counts others.
# Expected: every frame of the file once, or frames at `fps`.
# Found while looking for readers of videos. output_params=["-fps_mode", "passthrough"] helps.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check imageio-ffmpeg==0.8.1
"$folder/venv/bin/python" - "$folder/clip.mp4" <<'PYTHON'
import subprocess
import sys

import imageio_ffmpeg

path = sys.argv[1]
FRAMES = 10
# Ten different pictures: five 0.04 s apart, then one each half second.
TIMES = "setpts='if(lt(N,5),N*0.04,2+N*0.5)/TB'"
command = "-v error -f lavfi -i testsrc=size=64x48:rate=10:duration=1 -fps_mode vfr"
command += " -enc_time_base 1:1000 -c:v libx264 -vf"
subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), *command.split(), TIMES, path], check=True)


def read(**options):
    frames = imageio_ffmpeg.read_frames(path, **options)
    metadata = next(frames)
    pictures = list(frames)
    return metadata, len(pictures), len(set(pictures))


metadata, number, different = read()
_, passed, passed_different = read(output_params=["-fps_mode", "passthrough"])
counted, _ = imageio_ffmpeg.count_frames_and_secs(path)
print(f"imageio-ffmpeg {imageio_ffmpeg.__version__}, expected: {FRAMES} frames, all different")
print(f"what happens: {number} frames, {different} of them different;")
print(f"metadata: {metadata['fps']} fps, {metadata['duration']} s; counted: {counted};")
print(f"with passthrough: {passed}, {passed_different} of them different")
by_metadata = metadata["fps"] * metadata["duration"]
if number <= 2 * by_metadata or different >= FRAMES or counted != FRAMES:
    raise SystemExit("changed: the frames are those of the file now")
if (passed, passed_different) != (FRAMES, FRAMES):
    raise SystemExit("changed: passthrough does not help any more")
PYTHON
