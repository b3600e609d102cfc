"""Requests a second with a detector that takes 300 ms, beside what its visitors could get at most.

What is measured is the site, whole: form, decoding, labels, boxes, two objects, database, JSON.
Once with the detector in the process and a folder; once over the wire to S3 and Rekognition,
whose stand-ins, like the visitors, need some of the same processors.
"""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import endpoints
from bench.fixtures import photo
from bench.measure import Aim, Comparison, Growth, Measured, Sample, compared, idle
from bench.sites import Site, our_site
from bench.visitors import upload, visit

CLIENTS = 32
APP = "bench.slow:app"
DELAY = 0.3  # seconds
WORKERS = 2
SECONDS = 6.0
AIM = Aim(0.80, 0.95, at_least=True)
THREADS = (8, 16, 32, 64)
MORE_CLIENTS = (1, 4, 16, 32, 64, 128, 256)

say = upload("/api/v1/pictures", photo("camera frame"))


def run(rounds: int = 5, seconds: float = SECONDS) -> Iterator[Measured]:
    with TemporaryDirectory() as name:
        folder = Path(name)
        with our_site(folder, app=APP) as site:
            yield _beside_the_most(site, "as it is configured", CLIENTS, rounds, seconds)
            yield _over_clients(site, seconds)
        for threads in THREADS:
            with our_site(folder, "--threads", str(threads), app=APP) as site:
                slots = min(CLIENTS, WORKERS * threads)
                what = f"{WORKERS} workers of {threads} threads"
                yield _beside_the_most(site, what, slots, max(1, rounds // 2), seconds)
        with endpoints.running(DELAY) as amazon, our_site(folder, **amazon) as site:
            yield _beside_the_most(
                site, "S3 and Rekognition over the wire", CLIENTS, rounds, seconds
            )


def _beside_the_most(site: Site, what: str, slots: int, rounds: int, seconds: float) -> Comparison:
    most = Sample(slots / DELAY)
    return compared(
        f"{CLIENTS} visitors, a detector of {DELAY * 1000:.0f} ms, {what}",
        "pictures/s",
        [
            ("ours", lambda: visit(site, say, CLIENTS, seconds).rate()),
            (f"{slots} ÷ {DELAY} s", lambda: most),
        ],
        rounds,
        AIM,
    )


def _over_clients(site: Site, seconds: float) -> Growth:
    with idle() as rest:
        visits = [visit(site, say, clients, seconds / 2) for clients in MORE_CLIENTS]
    return Growth(
        f"An answer's time with a detector of {DELAY * 1000:.0f} ms",
        "ms",
        "visitors at once",
        MORE_CLIENTS,
        {
            "ours": tuple(each.latency * 1000 for each in visits),
            "visitors ÷ pictures a second": tuple(
                clients / each.a_second * 1000
                for clients, each in zip(MORE_CLIENTS, visits, strict=True)
            ),
        },
        rest.share,
    )
