"""What AWS and PostgreSQL take of a picture: time on the network, CPU time by part, bytes."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from cProfile import Profile
from dataclasses import replace
from pathlib import Path
from pstats import Stats
from typing import Any

import boto3
import psycopg

from app import create_app
from bench.harness import endpoints
from bench.harness.figures import Aim, Breakdown, Comparison, Figures
from bench.harness.fixtures import BROWSER_MEGAPIXELS, CAMERA_FRAME, THREE_BOXES, photo
from bench.harness.load import Visit, fetch, http_request, send_pictures, upload
from bench.harness.measuring import Work, compare_times
from bench.harness.servers import aws_settings, run_site
from bench.scenarios.sites import PICTURES
from composition import build_pipeline
from rubberduck.core.settings import ROOT
from rubberduck.imaging.decode import Picture, decode_picture, to_jpeg
from rubberduck.imaging.draw import draw_boxes
from rubberduck.services.pipeline import Pipeline
from tests.support import postgres
from tests.support.pictures import form

MEGABITS, DELAY = 50.0, 0.3
QUALITIES = (95, 92)  # a phone's photo of 12 MP has two to four megabytes
MAX_BYTES, MAX_SIDE = 15_000_000, 2048  # the defaults of settings.py
WARM_UP = 20
FIGURES = {
    "site": ("A picture of 2048 × 1536: CPU time of the site", "ms"),
    "database": ("The same picture: CPU time of PostgreSQL", "ms"),
    "journal": ("The same picture: write-ahead log (WAL) of PostgreSQL", "kB"),
    "row": ("The same picture: its row, with indexes", "kB"),
    "stored": ("The same picture: its two objects in S3, plain and marked", "kB"),
    "page": ("A result's page: CPU time of the site", "ms"),
    "page_database": ("A result's page: CPU time of PostgreSQL", "ms"),
}
PROFILED = {"A camera frame": (CAMERA_FRAME, 100), "12 MP": (12, 20)}  # megapixels, uploads
SHOWN = 12  # packages
STANDARD_LIBRARY = "Python's standard library"
BUILT_IN = {  # what the name of a function in C contains
    "maging": "pixels: decoding, encoding, pasting",
    "sqlite3": "SQLite",
    "socket": "sockets",
    "select": "waiting for sockets",
}


def aws(rounds: int = 9) -> Iterator[Comparison]:
    """A small picture to S3 and Rekognition in parallel over a slow network, or the original."""
    with aws_settings(DELAY, MEGABITS) as settings:
        pipeline = build_pipeline(settings)
        for quality in QUALITIES:
            original = photo(quality=quality)
            size = f"A 12 MP photo of {len(original) / 1e6:.1f} MB"
            works = {
                "small, in parallel": _in_parallel(pipeline, original),
                "original, in sequence": _in_sequence(original),
            }
            what = f"{size} to S3 and Rekognition at {MEGABITS:.0f} Mbit/s"
            yield compare_times(what, works, rounds, Aim(0.60), "Rekognition takes 300 ms")


def _in_parallel(pipeline: Pipeline, original: bytes) -> Work:
    """Encoding the small JPEG counts; decoding does not, as both sides need the pixels to draw."""
    pool, image = ThreadPoolExecutor(1), pipeline.read(original).image

    def work() -> None:
        picture = Picture(image, image.size)
        stored = pool.submit(pipeline.storage.put, "uploads/small.jpg", picture.jpeg)
        pipeline.detector.labels(picture)
        stored.result()

    return work


def _in_sequence(original: bytes) -> Work:
    s3, rekognition = boto3.client("s3"), boto3.client("rekognition")  # kept, here too
    bucket, key = endpoints.BUCKET, "original.jpg"

    def work() -> None:
        s3.put_object(Bucket=bucket, Key=key, Body=original)
        rekognition.detect_labels(Image={"S3Object": {"Bucket": bucket, "Name": key}})

    return work


def cost_per_picture(rounds: int = 3, pictures: int = 150) -> Iterator[Comparison]:
    """CPU time and bytes that one picture takes of the site and of PostgreSQL, for `scale`.

    The whole site runs on a real PostgreSQL with fsync; S3 and Rekognition answer from a separate
    process. CPU time and bytes are measured, which other load on the machine hardly changes.
    """
    if postgres.missing():
        return
    with (
        postgres.running(fsync="on") as server,
        server.database() as url,
        endpoints.running() as aws,
        run_site(**aws, DUCK_DATABASE_URL=url) as site,
        psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection,
    ):

        def query(sql: bytes) -> Any:
            (answer,) = connection.execute(sql).fetchone() or (None,)
            return answer

        def used() -> dict[str, float]:
            """Return what was used so far: CPU milliseconds, and kilobytes."""
            return {
                "site": site.cpu() * 1000,
                "database": server.cpu() * 1000,
                "journal": int(query(b"SELECT pg_current_wal_lsn() - '0/0'")) / 1000,
                "row": query(b"SELECT pg_total_relation_size('duck_results')") / 1000,
            }

        def cost_of(visit: Visit) -> dict[str, float]:
            before = used()
            send_pictures(site, visit, pictures)
            return {name: (value - before[name]) / pictures for name, value in used().items()}

        visit = upload(PICTURES, photo(BROWSER_MEGAPIXELS))
        send_pictures(site, visit, WARM_UP)
        id = query(b"SELECT id FROM duck_results WHERE status = 'ready'")
        open_page = http_request(f"/result/{id}", accept="text/html")
        costs = []
        for _ in range(rounds):
            cost, page = cost_of(visit), cost_of(lambda port, _: fetch(port, open_page))
            more = {"page": page["site"], "page_database": page["database"]}
            costs.append({**cost, **more, "stored": _stored_bytes() / 1000})
    for name, (what, unit) in FIGURES.items():
        yield Comparison(what, unit, Figures("ours", tuple(cost[name] for cost in costs)))


def _stored_bytes() -> int:
    data = photo(BROWSER_MEGAPIXELS)
    picture = decode_picture(data, max_bytes=MAX_BYTES, max_side=MAX_SIDE)
    return len(picture.jpeg) + len(to_jpeg(draw_boxes(picture.image, THREE_BOXES)))


def profile(rounds: int = 3) -> Iterator[Breakdown]:
    """CPU time by package of a picture that goes to S3 and Rekognition, by cProfile.

    A profiler makes small Python functions look slower than they are: these are shares, not times.
    """
    for name, (megapixels, uploads) in PROFILED.items():
        picture = photo(megapixels)
        with aws_settings() as settings:
            pipeline = replace(build_pipeline(settings), _executor=Inline())
            client = create_app(settings, pipeline=pipeline).test_client()
            client.post(PICTURES, **form(picture))  # loads what only the first picture needs
            with Profile() as profiler:
                for number in range(rounds * uploads):
                    client.post(PICTURES, **form(picture + number.to_bytes(8)))
        seconds = Counter[str]()
        for (file, _, function), (_, _, own, *_) in Stats(profiler).stats.items():  # type: ignore[attr-defined]
            seconds[package_of(file, function)] += own
        yield Breakdown(f"{name} to S3 and Rekognition over the network", "%", shares(seconds))


class Inline(ThreadPoolExecutor):
    """Runs what would be done in parallel at once in the caller's thread, which is profiled."""

    def submit(self, work: Callable[..., Any], /, *values: Any, **named: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(work(*values, **named))
        return future


def shares(seconds: Counter[str]) -> dict[str, float]:
    """Return the percentages of the most expensive packages, and of all others."""
    largest = seconds.most_common(SHOWN)
    percents = {name: each / seconds.total() * 100 for name, each in largest}
    return {**percents, "all others": 100 - sum(percents.values())}


def package_of(file: str, function: str) -> str:
    if file == "~":  # written in C: known by the function's name only
        known = (name for part, name in BUILT_IN.items() if part in function)
        return next(known, "built-in functions")
    parts = Path(file).parts
    if "site-packages" in parts:
        return parts[parts.index("site-packages") + 1]
    return "rubberduck" if file.startswith(str(ROOT)) else STANDARD_LIBRARY
