"""The CPU time of an answer of S3 and Rekognition by its parts, in milliseconds."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import psutil

import rubberduck.imaging.draw
import rubberduck.services.pipeline
from app import create_app
from bench.harness.figures import Breakdown
from bench.harness.fixtures import CAMERA_FRAME, photo
from bench.harness.measuring import cpu_seconds
from bench.harness.servers import aws_settings
from bench.scenarios.amazon import WARM_UP, Inline
from bench.scenarios.sites import PICTURES
from composition import build_pipeline
from rekognition import Rekognition
from rubberduck.billing.budget import Budget
from rubberduck.db.results import Results
from rubberduck.imaging import sandbox
from rubberduck.services.pipeline import Pipeline
from rubberduck.storage.s3 import S3Storage
from rubberduck.web.multipart import UploadRequest
from tests.support.pictures import form

# Each part, and the functions that are all of it; none calls another.
PARTS: dict[str, tuple[tuple[Any, str], ...]] = {
    "two pictures to S3": ((S3Storage, "put"),),
    "DetectLabels": ((Rekognition, "labels"),),
    "two JPEGs encoded": (
        (rubberduck.imaging.decode, "to_jpeg"),
        (rubberduck.services.pipeline, "to_jpeg"),
    ),
    "SQL": ((Results, "begin"), (Budget, "reserve"), (Results, "save")),
    "decoding, the worker's side": ((Pipeline, "read"),),
    "boxes and labels drawn": ((rubberduck.imaging.draw, "draw_on"),),
    "the form": ((UploadRequest, "_load_form_data"),),
}
CHILD, REST = "decoding, in the child", "all others, with the test's client"


def answer_parts(rounds: int = 5, frames: int = 60) -> Iterator[Breakdown]:
    """CPU milliseconds of a camera frame that goes to S3 and Rekognition, in one thread."""
    picture = photo(CAMERA_FRAME)
    with aws_settings() as settings:
        pipeline = replace(build_pipeline(settings), _executor=Inline())
        client = create_app(settings, pipeline=pipeline).test_client()

        def send(count: int) -> None:
            for _ in range(count):
                sent = form(picture + time.time_ns().to_bytes(8))
                assert client.post(PICTURES, **sent).status_code == 201

        send(WARM_UP)
        seconds: dict[str, float] = defaultdict(float)
        with ExitStack() as patched:
            for part, functions in PARTS.items():
                for owner, name in functions:
                    timed = _timed(getattr(owner, name), part, seconds)
                    patched.enter_context(patch.object(owner, name, timed))
            before, decoding = time.process_time(), _decoder_seconds()
            send(rounds * frames)
            whole, decoding = time.process_time() - before, _decoder_seconds() - decoding
    seconds[REST] = whole - sum(seconds.values())
    seconds[CHILD] = decoding
    largest = sorted(seconds.items(), key=lambda part: -part[1])
    parts = {part: each * 1000 / rounds / frames for part, each in largest}
    yield Breakdown("CPU time of a camera frame to S3 and Rekognition", "ms", parts)


def _timed(
    function: Callable[..., Any], part: str, seconds: dict[str, float]
) -> Callable[..., Any]:
    """Return the function, which adds the CPU seconds of its thread to the part's."""

    def timed(*values: Any, **named: Any) -> Any:
        before = time.thread_time()
        try:
            return function(*values, **named)
        finally:
            seconds[part] += time.thread_time() - before

    return timed


def _decoder_seconds() -> float:
    """Return the CPU seconds of the decoding children that run; none is replaced meanwhile."""
    children = psutil.Process().children()
    return sum(cpu_seconds(child) for child in children if str(sandbox.CHILD) in child.cmdline())
