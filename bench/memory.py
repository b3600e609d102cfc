"""What stays in a worker after many camera frames, and the most that a drawing takes."""

import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import psutil
from PIL import Image

from bench.draw import with_image_draw
from bench.fixtures import THREE_BOXES, photo
from bench.measure import Aim, Comparison, Figures, Growth, Measured, Sample, compared, idle
from bench.sites import our_site
from bench.visitors import send, upload
from rubberduck.core.settings import ROOT
from rubberduck.imaging.draw import draw_boxes

# The first frames fill the buffers of all threads, once; they are in the plot, and do not count.
FRAMES, BEFORE = 1000, 250
MEGABYTE = 1024 * 1024


def run(rounds: int = 5, frames: int = FRAMES) -> Iterator[Measured]:
    sizes = (1, 10, 50, BEFORE, BEFORE + frames)
    with TemporaryDirectory() as name, idle() as rest:
        held = [_held(Path(name), sizes) for _ in range(rounds)]
    yield Comparison(
        f"Kept by a worker of {frames} camera frames",
        "MB",
        Figures("ours", tuple(after - before for *_, before, after in held)),
        aim=Aim(5, absolute=True),
        idle=rest.share,
        note=f"after {BEFORE} that do not count",
    )
    medians = tuple(median(each) for each in zip(*held, strict=True))
    what, over = "A worker's memory", "camera frames"
    yield Growth(what, "MB", over, tuple(map(float, sizes)), {"ours": medians}, rest.share)
    with TemporaryDirectory() as name:
        file = Path(name) / "photo.jpg"
        file.write_bytes(photo())
        sides = [(side, _peak_of(side, file)) for side in PAINTERS]
        what = "The most memory that drawing three boxes on 12 MP takes"
        yield compared(what, "MB", sides, rounds, Aim(2))


def _held(folder: Path, sizes: Sequence[int]) -> list[float]:
    """Megabytes, after so many frames each."""
    with our_site(folder, "-w", "1") as site:
        (worker,) = site.workers
        say = upload("/api/v1/frames", photo("camera frame"))
        held, sent = [], 0
        for frames in sizes:
            send(site, say, frames - sent)
            held.append(_megabytes(worker))
            sent = frames
        return held


def _megabytes(process: psutil.Process) -> float:
    return float(process.memory_info().rss) / MEGABYTE


PAINTERS = {"ours": draw_boxes, "ImageDraw": with_image_draw}


def _peak_of(side: str, file: Path) -> Callable[[], Sample]:
    command = [sys.executable, "-m", "bench.memory", side, str(file)]

    def measure() -> Sample:
        done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
        return Sample(float(done.stdout))

    return measure


def _draw_once(side: str, file: str) -> None:
    """In a process of its own, where nothing else comes and goes."""
    with Image.open(file) as image:
        image.load()
        Path("/proc/self/clear_refs").write_text("5")  # the most so far is what is held now
        before = _most_kilobytes()
        PAINTERS[side](image, THREE_BOXES)
    sys.stdout.write(f"{(_most_kilobytes() - before) / 1024:.1f}\n")


def _most_kilobytes() -> int:
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0])


if __name__ == "__main__":
    _draw_once(*sys.argv[1:])
