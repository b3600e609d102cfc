"""S3 and Rekognition over a slow network: a small picture to both in parallel, or the original."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import boto3

from bench.harness import endpoints
from bench.harness.fixtures import photo
from bench.harness.measuring import Aim, Comparison, Work, compare_times
from bench.harness.servers import aws_settings
from composition import build_pipeline
from rubberduck.imaging.decode import Picture
from rubberduck.services.pipeline import Pipeline

MEGABITS, DELAY = 50.0, 0.3
QUALITIES = (95, 92)  # a phone's photo of 12 MP has two to four megabytes
AIM = Aim(0.60)


def run(rounds: int = 9) -> Iterator[Comparison]:
    with aws_settings(DELAY, MEGABITS) as settings:
        pipeline = build_pipeline(settings)
        for quality in QUALITIES:
            original = photo(quality=quality)
            what = f"A 12 MP photo of {len(original) / 1e6:.1f} MB to S3 and Rekognition"
            works: dict[str, Work] = {
                "small, in parallel": _in_parallel(pipeline, original),
                "original, in sequence": _in_sequence(original),
            }
            what, note = f"{what} at {MEGABITS:.0f} Mbit/s", "Rekognition takes 300 ms"
            yield compare_times(what, works, rounds, AIM, note)
    with aws_settings() as settings:
        pipeline = build_pipeline(settings)
        picture = pipeline.read(photo("camera frame"))
        works = {
            "clients kept": lambda: pipeline.detector.labels(picture),
            "a new session and two clients": lambda: _with_new_clients(picture.jpeg),
        }
        yield compare_times("A DetectLabels call", works, rounds)


def _in_parallel(pipeline: Pipeline, original: bytes) -> Callable[[], None]:
    """Encoding the small JPEG counts; decoding does not, as both sides need the pixels to draw."""
    pool, image = ThreadPoolExecutor(1), pipeline.read(original).image

    def work() -> None:
        picture = Picture(image, image.size)
        stored = pool.submit(pipeline.storage.put, "uploads/small.jpg", picture.jpeg)
        pipeline.detector.labels(picture)
        stored.result()

    return work


def _in_sequence(original: bytes) -> Callable[[], None]:
    s3, rekognition = boto3.client("s3"), boto3.client("rekognition")  # kept, here too
    bucket, key = endpoints.BUCKET, "original.jpg"

    def work() -> None:
        s3.put_object(Bucket=bucket, Key=key, Body=original)
        rekognition.detect_labels(Image={"S3Object": {"Bucket": bucket, "Name": key}})

    return work


def _with_new_clients(jpeg: bytes) -> None:
    session = boto3.Session()
    session.client("s3")
    session.client("rekognition").detect_labels(Image={"Bytes": jpeg})
