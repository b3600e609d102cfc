"""Pictures per second with a detector that takes 300 ms, compared with the most that it allows.

The whole site is measured: form, decoding, labels, boxes, two stored objects, database, JSON. Once
with the detector in the process and a folder; once with S3 and Rekognition over the network, whose
endpoints, like the clients, use the same CPUs.
"""

from collections.abc import Iterator

from bench.harness import endpoints
from bench.harness.fixtures import BROWSER_MEGAPIXELS, photo, photo_of
from bench.harness.load import measure_load, upload_request
from bench.harness.measuring import Aim, Comparison, Growth, Measured, Sample, compare, idle_share
from bench.harness.servers import Server, run_site

CLIENTS = 32
APP = "bench.harness.recorded_site:app"
DELAY = 0.3  # seconds
WORKERS = 2
SECONDS = 6.0
AIM = Aim(0.80, 0.95, at_least=True)
THREADS = (8, 16, 32, 64)
MORE_CLIENTS = (1, 4, 16, 32, 64, 128, 256)
TITLE = f"{CLIENTS} clients, a detector of {DELAY * 1000:.0f} ms, {{}}"
DEFAULT = TITLE.format("default configuration")
LARGE = TITLE.format("photos as large as a browser sends them")


def run(rounds: int = 5, seconds: float = SECONDS) -> Iterator[Measured]:
    few, slow = max(1, rounds // 2), {"app": APP, "DETECTOR_DELAY": str(DELAY)}
    with run_site(**slow) as site:
        yield _compare_with_maximum(site, DEFAULT, CLIENTS, rounds, seconds)
        yield _compare_with_maximum(site, LARGE, CLIENTS, few, seconds)
        yield _over_clients(site, 2 * seconds)
    for threads in THREADS:
        with run_site("--threads", str(threads), **slow) as site:
            slots = min(CLIENTS, WORKERS * threads)
            what = TITLE.format(f"{WORKERS} workers of {threads} threads")
            yield _compare_with_maximum(site, what, slots, few, seconds)
    with endpoints.running(DELAY) as aws, run_site(**aws) as site:
        what = TITLE.format("S3 and Rekognition over the network")
        yield _compare_with_maximum(site, what, CLIENTS, rounds, seconds)


def _compare_with_maximum(
    site: Server, what: str, slots: int, rounds: int, seconds: float
) -> Comparison:
    """Compare with the rate of `slots` threads if only the detector takes time."""
    # Large photos have no aim: the CPU that they take allows no more.
    large = what == LARGE
    picture = photo_of(BROWSER_MEGAPIXELS) if large else photo("camera frame")
    note, aim = ("2048 × 1536", None) if large else ("frames of 640 × 480", AIM)
    request = upload_request("/api/v1/pictures", picture)
    sides = [
        ("ours", lambda: measure_load(site, request, CLIENTS, seconds).rate()),
        (f"{slots} ÷ {DELAY} s", lambda: Sample(slots / DELAY)),
    ]
    return compare(what, "pictures/s", sides, rounds, aim, note)


def _over_clients(site: Server, seconds: float) -> Growth:
    request = upload_request("/api/v1/pictures", photo("camera frame"))
    idle_share()
    loads = {n: measure_load(site, request, n, seconds, 4.0) for n in MORE_CLIENTS}
    sides = {
        "ours": tuple(load.latency * 1000 for load in loads.values()),
        "clients ÷ pictures per second": tuple(
            clients / load.per_second * 1000 for clients, load in loads.items()
        ),
    }
    what = f"Response time with a detector of {DELAY * 1000:.0f} ms"
    return Growth(what, "ms", "concurrent clients", MORE_CLIENTS, sides, idle_share())
