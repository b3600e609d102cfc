"""The site beside an older build of it: start, memory, frames, photos, and answers of AWS.

The older build is another checkout with its own `.venv`; its site is served by its own gunicorn,
gets the same requests, and is measured from outside, so that its modules may have other names.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import psutil

from bench.harness import endpoints
from bench.harness.figures import Aim, Comparison
from bench.harness.fixtures import CAMERA_FRAME, photo
from bench.harness.load import Visit, measure_load, send_pictures, upload
from bench.harness.measuring import Sample, compare
from bench.harness.servers import Server, run_site
from bench.scenarios.sites import DELAY, FRAMES, MEGABYTE, PICTURES, WORKERS
from rubberduck.core.settings import ROOT
from tests.support.ducks import duck_photo

LARGE_PICTURES, LARGE_MEGAPIXELS = 8, 25
LARGE_NOTE = "eight photos of 25 MP at once"
POLL_SECONDS = 0.01
LOAD_SECONDS = 5.0
FEW, MANY = 8, 32  # clients
WARM_UP = 40  # pictures
AWS_ANSWER = "an answer over the network to S3 and Rekognition"
Figure = Callable[[Path], Sample]


def builds(rounds: int = 5, *, older: Path | None = None) -> Iterator[Comparison]:
    """Measure the build in the folder `older` and this one in turns; without one, nothing."""
    if older is None:
        return
    memory, frame = "Private memory of a worker and its decoders", "a camera frame with a duck"
    rows: tuple[tuple[str, str, str, Figure, Aim], ...] = (
        (f"Start to the first page, {WORKERS} workers", "", "s", start_to_page, Aim(1)),
        ("Start to the first photo's answer", "", "s", start_to_photo, Aim(0.6)),
        (memory, "after 1,000 camera frames", "MB", memory_after_frames, Aim(0.6)),
        ("Memory of all processes at most", LARGE_NOTE, "MB", memory_of_large_pictures, Aim(0.5)),
        (f"CPU time of {frame}", "one worker, with the request", "ms", cpu_of_a_frame, Aim(0.5)),
        (f"CPU time of {AWS_ANSWER}", "one worker, 4 clients", "ms", cpu_of_an_answer, Aim(0.6)),
    )
    for what, note, unit, figure, aim in rows:
        sides = {"ours": partial(figure, ROOT), "older build": partial(figure, older)}
        yield compare(what, unit, sides, rounds, aim, note)
    yield from _under_load(older, rounds)


def start_to_page(build: Path) -> Sample:
    """Return the seconds from the start of the process to the first page."""
    with run_site("-w", WORKERS, build=build) as site:
        return Sample(site.start_seconds, site.cpu())


def start_to_photo(build: Path) -> Sample:
    """Return the seconds from the start of the process to the first photo's answer."""
    with run_site("-w", WORKERS, build=build) as site:
        since = time.perf_counter()
        send_pictures(site, upload(PICTURES, photo(CAMERA_FRAME)), 1, clients=1)
        return Sample(site.start_seconds + time.perf_counter() - since, site.cpu())


def memory_after_frames(build: Path, frames: int = 1000) -> Sample:
    """Return the private megabytes (USS) of a worker and of its decoders after so many frames."""
    with run_site("-w", "1", build=build) as site:
        send_pictures(site, upload(FRAMES, duck_photo()), frames)
        below = site.process.children(recursive=True)
        return Sample(sum(each.memory_full_info().uss for each in below) / MEGABYTE)


def memory_of_large_pictures(build: Path) -> Sample:
    """Return the most megabytes that all processes hold while eight photos of 25 MP arrive."""
    with run_site("-w", "2", build=build) as site:
        send_pictures(site, upload(PICTURES, photo(CAMERA_FRAME)), WARM_UP)
        visit = upload(PICTURES, photo(LARGE_MEGAPIXELS))
        with _peak_megabytes(site) as peak:
            send_pictures(site, visit, LARGE_PICTURES, clients=LARGE_PICTURES)
        return Sample(peak())


@contextmanager
def _peak_megabytes(site: Server) -> Iterator[Callable[[], float]]:
    """Watch the proportional memory (PSS) of a server's processes, added; yield its maximum."""
    end, highest = threading.Event(), [0.0]

    def watch() -> None:
        while not end.wait(POLL_SECONDS):
            held = 0.0
            for each in (site.process, *site.process.children(recursive=True)):
                with suppress(psutil.Error):  # it has ended meanwhile
                    held += each.memory_full_info().pss
            highest[0] = max(highest[0], held / MEGABYTE)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield lambda: highest[0]
    finally:
        end.set()
        watcher.join()


def cpu_of_a_frame(build: Path, frames: int = 100) -> Sample:
    """Return the CPU milliseconds of a camera frame: a rate on one core that load cannot change."""
    with run_site("-w", "1", build=build) as site:
        visit = upload(FRAMES, duck_photo())
        send_pictures(site, visit, WARM_UP, clients=1)
        cpu = site.cpu()
        send_pictures(site, visit, frames, clients=1)
        seconds = (site.cpu() - cpu) / frames
        return Sample(seconds * 1000, seconds)


def cpu_of_an_answer(build: Path, pictures: int = 300) -> Sample:
    """Return the CPU milliseconds of a camera frame that goes to S3 and Rekognition.

    They answer at once, from another process. No decoder is replaced after so few pictures.
    """
    with endpoints.running() as aws, run_site("-w", "1", build=build, **aws) as site:
        visit = upload(PICTURES, photo(CAMERA_FRAME))
        send_pictures(site, visit, WARM_UP)
        cpu = site.cpu()
        send_pictures(site, visit, pictures)
        seconds = (site.cpu() - cpu) / pictures
        return Sample(seconds * 1000, seconds)


def _under_load(older: Path, rounds: int) -> Iterator[Comparison]:
    """Compare rates: photos with the embedded detector, frames with S3 and Rekognition."""
    aim = Aim(1.5, at_least=True)
    yield _rates(older, "12 MP photos, 8 clients", {}, upload(PICTURES, photo()), FEW, rounds, aim)
    visit = upload(PICTURES, photo(CAMERA_FRAME))
    with endpoints.running(DELAY) as aws:
        what = f"{MANY} clients, S3 and Rekognition of {DELAY * 1000:.0f} ms over the network"
        yield _rates(older, what, aws, visit, MANY, rounds, Aim(1, at_least=True))


def _rates(
    older: Path,
    what: str,
    variables: dict[str, str],
    visit: Visit,
    clients: int,
    rounds: int,
    aim: Aim,
) -> Comparison:
    """Compare the pictures per second of both builds, which run at the same time."""
    with (
        run_site("-w", "2", **variables) as site,
        run_site("-w", "2", build=older, **variables) as other,
    ):
        sides = {"ours": site, "older build": other}
        measures = {
            name: lambda s=server: measure_load(s, visit, clients, LOAD_SECONDS).rate()
            for name, server in sides.items()
        }
        return compare(what, "pictures/s", measures, rounds, aim)
