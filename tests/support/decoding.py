"""What decoding costs, measured in a process of its own."""

import gc
import json
import runpy
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psutil
from PIL import Image

from rubberduck.core.settings import ROOT
from rubberduck.imaging import decode
from rubberduck.imaging.decode import OTHER_COST, Picture, decode_picture
from tests.support.pictures import encoded


def decode_upload(data: bytes) -> Picture:
    return decode_picture(data, max_bytes=15_000_000, max_side=2048)


def measured(what: str, of: int) -> Any:
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


def peak_megabytes(process: psutil.Process) -> float:
    """The most that it ever held; not `ru_maxrss`, which begins with what the parent had."""
    with open(f"/proc/{process.pid}/status") as status:
        return int(status.read().split("VmHWM:")[1].split()[0]) / 1024


def decode_at_once(how_many: str) -> None:
    """In the process that is measured: the largest PNGs, by so many threads.

    Writes this process's growth and the peaks of its children, in megabytes.
    """
    runpy.run_path(str(ROOT / "gunicorn.conf.py"))["on_starting"](None)
    gc.enable()  # as each worker does
    decode.DECODING_WAIT = 600.0
    side = int(OTHER_COST.max_pixels**0.5)
    data = encoded(Image.new("RGBA", (side, side), (90, 90, 90, 90)), "PNG", compress_level=1)
    this = psutil.Process()
    before = peak_megabytes(this)
    with ThreadPoolExecutor(int(how_many)) as pool:
        sizes = {picture.full_size for picture in pool.map(decode_upload, [data] * int(how_many))}
    assert sizes == {(side, side)}
    peaks = {
        "growth": peak_megabytes(this) - before,
        "children": [peak_megabytes(child) for child in this.children()],
    }
    sys.stdout.write(json.dumps(peaks))
