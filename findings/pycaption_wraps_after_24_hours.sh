#!/bin/sh
# pycaption 2.3.14 writes times from 24 hours on without their days: 25:00:00 of a WebVTT or SRT file
# is read rightly and written as 01:00:00, in both formats and without a word, because the writers
# take `seconds` of a timedelta, which begins again each day. The captions of a camera's second day
# land on its first. WebVTT allows any number of hours, and the reader accepts it.
# Expected: 25:00:00, or an error.
# Found while looking for writers of captions that say what a video shows.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pycaption==2.3.14
"$folder/venv/bin/python" - <<'PYTHON'
import pycaption

WEBVTT = """WEBVTT

00:00:05.000 --> 00:00:06.500
first day

25:00:00.500 --> 25:00:01.750
second day
"""
captions = pycaption.WebVTTReader().read(WEBVTT)
read = [caption.start for caption in captions.get_captions("en-US")]
written = {
    writer.__name__: [
        line for line in writer().write(captions).splitlines() if "-->" in line
    ][1]
    for writer in (pycaption.WebVTTWriter, pycaption.SRTWriter)
}
print("pycaption 2.3.14, read, in microseconds:", read)
print("expected: 25:00:00.500 --> 25:00:01.750")
print("what happens:", written)
if read != [5_000_000, 90_000_500_000] or written != {
    "WebVTTWriter": "01:00:00.500 --> 01:00:01.750",
    "SRTWriter": "01:00:00,500 --> 01:00:01,750",
}:
    raise SystemExit("changed: the days are not lost any more, or otherwise")
PYTHON
