"""Requests a second with a detector that takes 300 ms, beside what its visitors could get at most.

What is measured is the site, whole: form, decoding, labels, boxes, two objects, database, JSON.
Once with the detector in the process and a folder; once over the wire to S3 and Rekognition,
whose stand-ins, like the visitors, need some of the same processors.
"""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import endpoints
from bench.fixtures import photo, photo_of
from bench.measure import Aim, Comparison, Growth, Measured, Sample, Side, compared, idle
from bench.sites import Site, our_site
from bench.visitors import Say, upload, visit

CLIENTS = 32
APP = "bench.slow:app"
DELAY = 0.3  # seconds
WORKERS = 2
SECONDS = 6.0
AIM = Aim(0.80, 0.95, at_least=True)
THREADS = (8, 16, 32, 64)
MORE_CLIENTS = (1, 4, 16, 32, 64, 128, 256)

PHOTO = 2048 * 1536 / 1e6  # megapixels that a browser makes of a phone's photo

say = upload("/api/v1/pictures", photo("camera frame"))


def run(rounds: int = 5, seconds: float = SECONDS) -> Iterator[Measured]:
    with TemporaryDirectory() as name:
        folder = Path(name)
        with our_site(folder, app=APP) as site:
            yield _beside_the_most(site, "as it is configured", CLIENTS, rounds, seconds)
            yield _photos(site, max(1, rounds // 2), seconds)
            yield _over_clients(site, 2 * seconds)
        for threads in THREADS:
            with our_site(folder, "--threads", str(threads), app=APP) as site:
                slots = min(CLIENTS, WORKERS * threads)
                what = f"{WORKERS} workers of {threads} threads"
                yield _beside_the_most(site, what, slots, max(1, rounds // 2), seconds)
        with endpoints.running(DELAY) as amazon, our_site(folder, **amazon) as site:
            over = "S3 and Rekognition over the wire"
            yield _beside_the_most(site, over, CLIENTS, rounds, seconds)


def _beside_the_most(site: Site, what: str, slots: int, rounds: int, seconds: float) -> Comparison:
    sides = _sides(site, say, slots, seconds)
    return compared(_what(what), "pictures/s", sides, rounds, AIM, "frames of 640 × 480")


def _photos(site: Site, rounds: int, seconds: float) -> Comparison:
    """Without an aim: what a picture needs of the processors allows no more."""
    sides = _sides(site, upload("/api/v1/pictures", photo_of(PHOTO)), CLIENTS, seconds)
    what = _what("photos as large as a browser sends them")
    return compared(what, "pictures/s", sides, rounds, note="2048 × 1536")


def _what(what: str) -> str:
    return f"{CLIENTS} visitors, a detector of {DELAY * 1000:.0f} ms, {what}"


def _sides(site: Site, say: Say, slots: int, seconds: float) -> list[Side]:
    most = Sample(slots / DELAY)
    return [
        ("ours", lambda: visit(site, say, CLIENTS, seconds).rate()),
        (f"{slots} ÷ {DELAY} s", lambda: most),
    ]


def _over_clients(site: Site, seconds: float) -> Growth:
    with idle() as rest:
        visits = [visit(site, say, clients, seconds, before=4.0) for clients in MORE_CLIENTS]
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
