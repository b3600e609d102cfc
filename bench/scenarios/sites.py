"""Whole sites under load: start, rate, memory; compared with the original site and with Gradio."""

import multiprocessing
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from PIL import Image

from bench.harness import endpoints
from bench.harness.figures import Aim, Comparison, Figures, Growth, Measured
from bench.harness.fixtures import BROWSER_MEGAPIXELS, CAMERA_FRAME, THREE_BOXES, photo
from bench.harness.load import Visit, measure_load, send_pictures, upload
from bench.harness.measuring import Measure, Sample, compare, idle_share
from bench.harness.servers import RECORDED, Server, gunicorn, run_server, run_site
from bench.scenarios.pictures import with_image_draw
from rubberduck.imaging.draw import draw_boxes

PICTURES, FRAMES = "/api/v1/pictures", "/api/v1/frames"
WORKERS = "4"  # at a start
BARE = """from flask import Flask
app = Flask(__name__)
@app.get("/")
def index():
    return "Is there a rubber duck in this image?"
"""
DELAY, S3_DELAY = 0.3, 0.05  # seconds
CLIENTS, THREADS = 32, (8, 16, 32, 64)
MORE_CLIENTS = (1, 4, 16, 32, 64, 128, 256)
SERVE_TITLE = f"{CLIENTS} clients, a detector of {DELAY * 1000:.0f} ms, {{}}"
LARGE = SERVE_TITLE.format("photos as large as a browser sends them")
SMALL = "frames of 640 × 480"
MEGABYTE = 1024 * 1024
# The first frames fill the buffers of all threads, once; they are in the plot, and do not count.
WARM_UP_FRAMES = 250
PAINTERS = {"ours": draw_boxes, "ImageDraw": with_image_draw}


def compare_loads(
    what: str,
    sides: Mapping[str, tuple[Server, Visit]],
    clients: int,
    seconds: float,
    rounds: int,
    aim: Aim | None = None,
    note: str = "",
) -> Comparison:
    """Compare the pictures per second of two servers."""
    measures = {
        name: lambda s=server, v=visit: measure_load(s, v, clients, seconds).rate()
        for name, (server, visit) in sides.items()
    }
    return compare(what, "pictures/s", measures, rounds, aim, note)


def start(rounds: int = 9) -> Iterator[Comparison]:
    """From process start to the first page, compared with bare Flask, and to the first picture."""
    what, page = f"Start to the first answer, {WORKERS} workers", partial(_start_site, 0)
    sides: dict[str, Measure] = {"ours": page, "bare Flask": _start_bare_flask}
    yield compare(what, "s", sides, rounds, Aim(0.5, 0.3, absolute=True))
    picture = {"ours": partial(_start_site, 1)}
    yield compare("Start to the first picture's answer", "s", picture, rounds)


def _start_site(pictures: int) -> Sample:
    """Return the seconds until the first page, and the results of so many pictures."""
    with run_site("-w", WORKERS) as site:
        since = time.perf_counter()
        send_pictures(site, upload(PICTURES, photo(CAMERA_FRAME)), pictures, clients=1)
        return Sample(site.start_seconds + time.perf_counter() - since, site.cpu())


def _start_bare_flask() -> Sample:
    command = gunicorn("bare:app", "-k", "gthread", "--preload", "-w", WORKERS)
    with TemporaryDirectory() as folder:
        Path(folder, "bare.py").write_text(BARE)
        with run_server(command, Path(folder)) as site:
            return Sample(site.start_seconds, site.cpu())


def serve(rounds: int = 5, seconds: float = 6.0) -> Iterator[Measured]:
    """Pictures per second with a detector that takes 300 ms, compared with the most it allows.

    The whole site is measured: form, decoding, labels, boxes, two stored objects, database, JSON.
    Once with the detector in the process and a folder; once with S3 and Rekognition over the
    network, whose endpoints, like the clients, use the same CPUs.
    """
    few, slow = max(1, rounds // 2), {"app": RECORDED, "DETECTOR_DELAY": str(DELAY)}
    with run_site(**slow) as site:
        what = SERVE_TITLE.format("default configuration")
        yield _compare_with_maximum(site, what, CLIENTS, rounds, seconds)
        yield _compare_with_maximum(site, LARGE, CLIENTS, few, seconds)
        yield _over_clients(site, 2 * seconds)
    for threads in THREADS:
        with run_site("--threads", str(threads), "-w", "2", **slow) as site:
            what = SERVE_TITLE.format(f"2 workers of {threads} threads")
            yield _compare_with_maximum(site, what, min(CLIENTS, 2 * threads), few, seconds)
    with endpoints.running(DELAY) as aws, run_site(**aws) as site:
        what = SERVE_TITLE.format("S3 and Rekognition over the network")
        yield _compare_with_maximum(site, what, CLIENTS, rounds, seconds)


def _compare_with_maximum(
    site: Server, what: str, slots: int, rounds: int, seconds: float
) -> Comparison:
    """Compare with the rate of `slots` threads if only the detector takes time."""
    large = what == LARGE  # without an aim: the CPU that they take allows no more
    note, megapixels = ("2048 × 1536", BROWSER_MEGAPIXELS) if large else (SMALL, CAMERA_FRAME)
    aim = None if large else Aim(0.80, 0.95, at_least=True)
    visit = upload(PICTURES, photo(megapixels))
    sides = {
        "ours": lambda: measure_load(site, visit, CLIENTS, seconds).rate(),
        f"{slots} ÷ {DELAY} s": lambda: Sample(slots / DELAY),
    }
    return compare(what, "pictures/s", sides, rounds, aim, note)


def _over_clients(site: Server, seconds: float) -> Growth:
    visit = upload(PICTURES, photo(CAMERA_FRAME))
    idle_share()
    loads = [measure_load(site, visit, clients, seconds, 4.0) for clients in MORE_CLIENTS]
    sides = {
        "ours": tuple(median(load.latencies) * 1000 for load in loads),
        "clients ÷ pictures per second": tuple(
            clients / load.rate().value * 1000
            for clients, load in zip(MORE_CLIENTS, loads, strict=True)
        ),
    }
    what = f"Response time with a detector of {DELAY * 1000:.0f} ms"
    return Growth(what, "ms", "concurrent clients", MORE_CLIENTS, sides, idle_share())


def memory(rounds: int = 5, frames: int = 1000) -> Iterator[Measured]:
    """The memory that a worker keeps after many camera frames, and the peak of drawing one."""
    sizes = (1, 10, 50, WARM_UP_FRAMES, WARM_UP_FRAMES + frames)
    idle_share()
    runs = [_resident_megabytes(sizes) for _ in range(rounds)]
    idle = idle_share()
    what, note = f"Memory that a worker keeps of {frames} camera frames", "after a warm-up of 250"
    kept = Figures("ours", tuple(after - before for *_, before, after in runs))
    yield Comparison(what, "MB", kept, None, Aim(5, absolute=True), idle, note)
    medians = {"ours": tuple(median(each) for each in zip(*runs, strict=True))}
    yield Growth("A worker's memory", "MB", "camera frames", sizes, medians, idle)
    with TemporaryDirectory() as folder:
        file = Path(folder, "photo.jpg")
        file.write_bytes(photo())
        sides = {name: partial(_measure_peak, name, file) for name in PAINTERS}
        yield compare("Peak memory of drawing three boxes on 12 MP", "MB", sides, rounds, Aim(2))


def _resident_megabytes(sizes: Sequence[int]) -> list[float]:
    """Return the resident memory of a worker and its decoders after so many frames each."""
    with run_site("-w", "1") as site:
        visit = upload(FRAMES, photo(CAMERA_FRAME))
        resident = []
        for before, frames in zip((0, *sizes), sizes, strict=False):
            send_pictures(site, visit, frames - before)
            below = site.process.children(recursive=True)
            resident.append(sum(each.memory_info().rss for each in below) / MEGABYTE)
        return resident


def _measure_peak(side: str, file: Path) -> Sample:
    """Return the megabytes, measured in a new process where nothing else allocates."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
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


def camera(rounds: int = 3, seconds: float = 5.0) -> Iterator[Comparison]:
    """Camera frames and large photos, compared with the original site, with the same detector.

    Both have the same machine and the same S3 and Rekognition, which take 50 and 300 ms to answer.
    """
    frame, large = photo(CAMERA_FRAME), photo()
    frames = "Camera frames, 16 clients"
    with (
        endpoints.running(DELAY, s3_delay=S3_DELAY) as aws,
        run_site(app=RECORDED, **aws) as recorded,
        run_site(**aws) as site,
        _run_original(aws) as original,
    ):
        for what, server, path, picture, clients, aim in (
            (frames, recorded, FRAMES, frame, 16, Aim(5, at_least=True)),
            ("12 MP photos, 8 clients", site, PICTURES, large, 8, Aim(2, 3, at_least=True)),
            (f"{frames}, embedded detector", site, FRAMES, frame, 16, None),
        ):
            theirs = (original, upload("/", picture))
            sides = {"ours": (server, upload(path, picture)), "original": theirs}
            yield compare_loads(what, sides, clients, seconds, rounds, aim)


@contextmanager
def _run_original(aws: dict[str, str]) -> Iterator[Server]:
    command = gunicorn("bench.peers.original_site:app", "-w", "4", "--timeout", "120")
    with (
        TemporaryDirectory() as folder,
        run_server(command, Path(folder), DUCK_UPLOADS=folder, **aws) as server,
    ):
        yield server
