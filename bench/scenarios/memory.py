"""The memory that a worker keeps after many camera frames, and the peak of drawing one picture."""

import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from PIL import Image

from bench.harness import measuring
from bench.harness.fixtures import THREE_BOXES, photo
from bench.harness.load import send_pictures, upload_request
from bench.harness.measuring import Aim, Comparison, Figures, Growth, Measured, Sample
from bench.harness.servers import run_site
from bench.scenarios.draw import with_image_draw
from rubberduck.imaging.draw import draw_boxes

# The first frames fill the buffers of all threads, once; they are in the plot, and do not count.
FRAMES, WARM_UP = 1000, 250
MEGABYTE = 1024 * 1024
PAINTERS = {"ours": draw_boxes, "ImageDraw": with_image_draw}


def run(rounds: int = 5, frames: int = FRAMES) -> Iterator[Measured]:
    sizes = (1, 10, 50, WARM_UP, WARM_UP + frames)
    measuring.idle_share()
    runs = [_resident_megabytes(sizes) for _ in range(rounds)]
    idle = measuring.idle_share()
    yield Comparison(
        f"Memory that a worker keeps of {frames} camera frames",
        "MB",
        Figures("ours", tuple(after - before for *_, before, after in runs)),
        aim=Aim(5, absolute=True),
        idle=idle,
        note=f"after a warm-up of {WARM_UP}",
    )
    medians = tuple(median(each) for each in zip(*runs, strict=True))
    counts = tuple(map(float, sizes))
    yield Growth("A worker's memory", "MB", "camera frames", counts, {"ours": medians}, idle)
    with TemporaryDirectory() as name:
        file = Path(name) / "photo.jpg"
        file.write_bytes(photo())
        sides = [(side, partial(_measure_peak, side, file)) for side in PAINTERS]
        yield measuring.compare(
            "Peak memory of drawing three boxes on 12 MP", "MB", sides, rounds, Aim(2)
        )


def _resident_megabytes(sizes: Sequence[int]) -> list[float]:
    """Return a worker's resident memory after so many frames each."""
    with run_site("-w", "1") as site:
        (worker,) = site.workers
        request = upload_request("/api/v1/frames", photo("camera frame"))
        resident, sent = [], 0
        for frames in sizes:
            send_pictures(site, request, frames - sent)
            resident.append(worker.memory_info().rss / MEGABYTE)
            sent = frames
        return resident


def _measure_peak(side: str, file: Path) -> Sample:
    """Return the megabytes, measured in a new process where nothing else allocates."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, spawn) as pool:
        return Sample(pool.submit(_draw_once, side, file).result())


def _draw_once(side: str, file: Path) -> float:
    with Image.open(file) as image:
        image.load()
        Path("/proc/self/clear_refs").write_text("5")  # resets the peak to what is held now
        before = _peak_kilobytes()
        PAINTERS[side](image, THREE_BOXES)
    return (_peak_kilobytes() - before) / 1024


def _peak_kilobytes() -> int:
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0])
