"""What goes over the wire to Amazon: a small picture twice at once, or the original first."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from unittest.mock import patch

import boto3

from bench import endpoints
from bench.fixtures import photo
from bench.measure import Aim, Comparison, in_turns
from composition import build_pipeline
from db_setup import set_up
from rubberduck.core.settings import Settings
from rubberduck.imaging.decode import Picture
from rubberduck.services.pipeline import Pipeline

MEGABITS, DELAY = 50.0, 0.3
QUALITIES = (95, 92)  # a phone's photo of 12 MP has two to four megabytes
AIM = Aim(0.60)


def run(rounds: int = 9) -> Iterator[Comparison]:
    with _finder(DELAY, MEGABITS) as pipeline:
        for quality in QUALITIES:
            original = photo(quality=quality)
            megabytes = f"{len(original) / 1e6:.1f} MB"
            yield in_turns(
                f"A 12 MP photo of {megabytes} to S3 and Rekognition at {MEGABITS:.0f} Mbit/s",
                ("small, side by side", _side_by_side(pipeline, original)),
                ("original, one after the other", _one_after_the_other(original)),
                rounds,
                AIM,
                note="Rekognition takes 300 ms",
            )
    with _finder(0.0, None) as pipeline:
        picture = pipeline.read(photo("camera frame"))
        yield in_turns(
            "Asking Rekognition for its labels",
            ("clients kept", lambda: pipeline.detector.labels(picture)),
            ("a new session and two clients", lambda: _with_new_clients(picture.jpeg)),
            rounds,
        )


@contextmanager
def _finder(delay: float, megabits: float | None) -> Iterator[Pipeline]:
    with (
        endpoints.running(delay, megabits) as amazon,
        patch.dict(os.environ, amazon),
        TemporaryDirectory() as folder,
    ):
        url = f"sqlite:///{folder}/duck.db"
        set_up(url)
        yield build_pipeline(Settings(database_url=url, daily_calls=10_000))


def _side_by_side(pipeline: Pipeline, original: bytes) -> Callable[[], None]:
    """Encoding the small one counts; decoding does not, since either side draws on the pixels."""
    pool, image = ThreadPoolExecutor(1), pipeline.read(original).image

    def work() -> None:
        picture = Picture(image, image.size)
        stored = pool.submit(pipeline.storage.put, "uploads/small.jpg", picture.jpeg)
        pipeline.detector.labels(picture)
        wait([stored])
        stored.result()

    return work


def _one_after_the_other(original: bytes) -> Callable[[], None]:
    s3, eyes = boto3.client("s3"), boto3.client("rekognition")  # kept, here too
    bucket, key = endpoints.BUCKET, "original.jpg"

    def work() -> None:
        s3.put_object(Bucket=bucket, Key=key, Body=original)
        eyes.detect_labels(Image={"S3Object": {"Bucket": bucket, "Name": key}})

    return work


def _with_new_clients(jpeg: bytes) -> None:
    session = boto3.Session()
    session.client("s3")
    session.client("rekognition").detect_labels(Image={"Bytes": jpeg})
