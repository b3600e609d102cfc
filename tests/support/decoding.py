"""What decoding costs, measured in a process of its own."""

import gc
import json
import runpy
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from PIL import Image

from rubberduck.core.errors import (
    DamagedPicture,
    NotAPicture,
    TooManyPixels,
)
from rubberduck.core.settings import ROOT
from rubberduck.imaging import decode as pictures
from rubberduck.imaging.decode import MOST_PIXELS, Picture, decode_picture
from tests.support.pictures import encoded

REFUSALS = (DamagedPicture, TooManyPixels, NotAPicture)


def decode_upload(data: bytes) -> Picture:
    return decode_picture(data, max_bytes=15_000_000, max_side=2048)


def measured(what: str, of: Path | int) -> Any:
    """Return what a function of this file writes, run in a process of its own."""
    code = f"import sys; from tests.support.decoding import {what}; {what}(sys.argv[1])"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, str(of)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def refuse_all(folder: str) -> None:
    """In the process that is measured."""
    for format in ("JPEG", "PNG", "WEBP", "GIF", "AVIF", "HEIF", "BMP", "TIFF"):
        decode_upload(encoded(format=format))
    files = {path.name: path.read_bytes() for path in Path(folder).iterdir()}
    before, milliseconds = most_memory(), {}
    for name, data in files.items():
        start = time.thread_time()
        try:
            decode_upload(data)
        except REFUSALS:
            milliseconds[name] = (time.thread_time() - start) * 1000
    megabytes = (most_memory() - before) / 1024
    sys.stdout.write(json.dumps({"milliseconds": milliseconds, "megabytes": megabytes}))


def most_memory() -> int:
    """Kilobytes; not `ru_maxrss`, which begins with what the parent had."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0])


def read_at_once(how_many: str) -> None:
    """In the process that is measured, which treats its memory as a worker does."""
    runpy.run_path(str(ROOT / "gunicorn.conf.py"))["on_starting"](None)
    gc.enable()  # as each worker does
    pictures.DECODING_WAIT = 600.0
    side = int(MOST_PIXELS**0.5)
    data = encoded(Image.new("RGBA", (side, side), (90, 90, 90, 90)), "PNG", compress_level=1)
    before = most_memory()
    with ThreadPoolExecutor(int(how_many)) as pool:
        sizes = {picture.full_size for picture in pool.map(decode_upload, [data] * int(how_many))}
    assert sizes == {(side, side)}
    sys.stdout.write(json.dumps((most_memory() - before) / 1024))
