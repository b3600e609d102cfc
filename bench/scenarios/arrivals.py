"""What the function at AWS Lambda adds to the detector's time, for a picture that arrives."""

import multiprocessing
import os
import secrets
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial, wraps
from io import BytesIO
from multiprocessing.connection import Connection
from typing import Any
from unittest.mock import patch

import boto3
import psutil
from PIL import Image

import lambda_function
from bench.harness.figures import Aim, Breakdown, Comparison
from bench.harness.fixtures import BROWSER_MEGAPIXELS, CAMERA_FRAME, photo
from bench.harness.measuring import Sample, compare, cpu_seconds, time_call
from rubberduck.core.models import Label
from rubberduck.core.settings_loading import load_settings
from rubberduck.detectors.base import DetectorWrapper
from rubberduck.events import handler
from rubberduck.events.claims import Claims
from rubberduck.imaging.decode import Picture, to_jpeg
from rubberduck.services.pipeline import Pipeline
from rubberduck.storage.s3_conditional import ConditionalS3
from tests.support import fake_s3
from tests.support.arrivals import INPUT, OUTPUT, body, record
from tests.support.aws import BUCKET, REGION

SIZES = {
    "a camera frame": CAMERA_FRAME,
    "a photo as large as a browser sends it (2048 × 1536)": BROWSER_MEGAPIXELS,
    "a photo of 12 MP": 12.0,
}
MOST = Aim(50, absolute=True)  # ms
NEARLY = 0.9  # of the requested side is enough, as in imaging/decode_child.py
# The parts of the handler's own time: none calls another.
PARTS: dict[str, list[tuple[Any, str]]] = {
    "decoding": [(Pipeline, "read")],
    "drawing boxes, encoding": [(handler, "marked_jpeg")],
    "claiming the picture, and reading it from S3 meanwhile": [
        (handler.EventHandler, "_claim_and_fetch")
    ],
    "writing both answers to S3": [(ConditionalS3, "put")],
    "finishing the claim": [(Claims, "finish")],
}
WHOLE = "whole"
Parts = defaultdict[str, float]  # seconds
Handle = Callable[[dict[str, Any]], object]


class TimedDetector(DetectorWrapper):
    """Adds up what its detector takes, in seconds on the clock and of the processor."""

    wall = cpu = 0.0
    calls = 0

    def labels(self, picture: Picture) -> list[Label]:
        wall, cpu = time.perf_counter(), time.process_time()
        found = self.detector.labels(picture)
        self.calls += 1
        self.wall += time.perf_counter() - wall
        self.cpu += time.process_time() - cpu
        return found


def arrivals(rounds: int = 9) -> Iterator[Comparison | Breakdown]:
    """The handler's own time, warm: without its detector's, and without that of the small S3.

    A picture makes five requests, the first two at once. What S3 takes at AWS comes on top. It is
    compared with what Pillow takes to decode the picture and to encode it again, and nothing else.
    """
    max_side = load_settings().max_side
    with local_s3() as (client, server), warm_handler() as (handle, detector):
        for name, megapixels in SIZES.items():
            data, parts = photo(megapixels), Parts(float)

            def measure(data: bytes = data, parts: Parts = parts) -> Sample:
                event = arrive(client, data)
                wall, cpu, at_s3 = detector.wall, detector.cpu, cpu_seconds(server)
                with timed_parts(parts):
                    whole = time_call(lambda: handle(event))
                seconds = whole.value / 1000 - (detector.wall - wall)
                parts[WHOLE] += seconds
                at_s3 = cpu_seconds(server) - at_s3
                others = detector.cpu - cpu + at_s3
                return Sample((seconds - at_s3) * 1000, whole.cpu - others)

            what = f"The handler at AWS Lambda without its detector: {name}"
            least = partial(time_call, partial(decode_and_encode, data, max_side))
            yield compare(what, "ms", {"ours": measure, "Pillow alone": least}, rounds, MOST)
            yield Breakdown(f"Of the same, {name}", "%", shares(parts))


def decode_and_encode(data: bytes, side: int) -> bytes:
    """Decode a JPEG at a size near to `side`, as the site does, and encode it."""
    file = Image.open(BytesIO(data))
    scale = min(1.0, NEARLY * side / max(file.size))
    file.draft("RGB", (int(file.width * scale), int(file.height * scale)))
    file.thumbnail((side, side))
    return to_jpeg(file)


def shares(parts: Parts) -> dict[str, float]:
    """Return each part's percentage of the whole, and that of all others."""
    percents = {name: parts[name] / parts[WHOLE] * 100 for name in PARTS}
    return {**percents, "all others": 100 - sum(percents.values())}


@contextmanager
def timed_parts(parts: Parts) -> Iterator[None]:
    """Add up the seconds of each part."""

    def timed(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def call(*values: Any, **named: Any) -> Any:
            begin = time.perf_counter()
            try:
                return function(*values, **named)
            finally:
                parts[name] += time.perf_counter() - begin

        return call

    with ExitStack() as stack:
        for name, places in PARTS.items():
            for owner, attribute in places:
                wrapped = timed(name, getattr(owner, attribute))
                stack.enter_context(patch.object(owner, attribute, wrapped))
        yield


def arrive(client: Any, data: bytes) -> dict[str, Any]:
    """Put the picture into the bucket under a new key; return the event that a queue hands over."""
    key = f"in/{secrets.token_hex(8)}.jpg"
    etag = client.put_object(Bucket=BUCKET, Key=key, Body=data)["ETag"]
    message = {"eventSource": "aws:sqs", "messageId": key, "receiptHandle": key}
    attributes = {"ApproximateReceiveCount": "1"}
    return {"Records": [{**message, "attributes": attributes, "body": body(record(key, etag))}]}


@contextmanager
def warm_handler() -> Iterator[tuple[Handle, TimedDetector]]:
    """Yield the function's handler, with a detector that is timed."""
    delivery = lambda_function.delivery.__wrapped__()
    pipeline = delivery.handler.pipeline
    detector = TimedDetector(pipeline.detector)
    timed = replace(delivery.handler, pipeline=replace(pipeline, detector=detector))
    built = replace(delivery, handler=timed)

    def handle(event: dict[str, Any]) -> object:
        before = detector.calls
        outcome = lambda_function.lambda_handler(event, None)
        assert (outcome, detector.calls) == ({"batchItemFailures": []}, before + 1)
        return outcome

    with patch.object(lambda_function, "delivery", lambda: built):
        yield handle, detector


@contextmanager
def local_s3() -> Iterator[tuple[Any, psutil.Process]]:
    """Run the tests' small S3, which keeps conditions; yield a client, and its process."""
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    process = spawn.Process(target=_serve, args=(theirs,))
    process.start()
    variables = {
        "AWS_ENDPOINT_URL_S3": ours.recv(),
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "a-secret-of-the-bench",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "DUCK_EVENTS_INPUT": INPUT,
        "DUCK_EVENTS_OUTPUT": OUTPUT,
        "DUCK_LOG_LEVEL": "WARNING",
        "FLASK_SKIP_DOTENV": "1",
    }
    try:
        with patch.dict(os.environ, variables):
            yield boto3.client("s3"), psutil.Process(process.pid)
    finally:
        process.terminate()
        process.join()


def _serve(address: Connection) -> None:
    with fake_s3.running(BUCKET) as server:
        address.send(server.url)
        address.recv()  # until this process is ended
