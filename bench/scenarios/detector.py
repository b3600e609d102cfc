"""The embedded detector on a camera frame, from its bytes to the answer, on one core."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from bench.harness.fixtures import photo
from bench.harness.measuring import Aim, Comparison, Sample, Work, compare, compare_times, time_call
from composition import build_pipeline
from rubberduck.core.settings import Settings
from rubberduck.detectors.embedded import OnnxDetector, letterbox
from rubberduck.services.pipeline import Pipeline
from tests.support.ducks import duck_photo, gradient
from tests.support.pictures import encoded

AIM = Aim(30, 60, at_least=True, absolute=True)
TITLE = "Embedded detector, a camera frame {}, one core"
MIXED = "of a mixed scene"


def run(rounds: int = 40) -> Iterator[Comparison]:
    pipeline = build_pipeline(Settings(bucket=None))
    frames = {
        "with a duck": duck_photo(),
        "with nothing in it": encoded(gradient(), quality=92),
        MIXED: photo("camera frame"),
    }
    with one_core():
        for name, frame in frames.items():
            ours = ("ours", _rate(partial(pipeline.analyze_frame, frame)))
            yield compare(TITLE.format(name), "frames/s", [ours], rounds, AIM)
        for part, work in _parts(pipeline, frames["with a duck"]).items():
            what = f"Of the frame with a duck: {part}"
            yield compare_times(what, {"ours": work}, rounds)


def _rate(work: Work) -> Callable[[], Sample]:
    def measure() -> Sample:
        took = time_call(work)
        return Sample(1000 / took.value, took.cpu)

    return measure


def _parts(pipeline: Pipeline, frame: bytes) -> dict[str, Work]:
    detector, picture = OnnxDetector(), pipeline.read(frame)
    return {
        "decoding the picture": lambda: pipeline.read(frame),
        "shrinking it for the network": lambda: letterbox(picture.image),
        "one inference": detector.check,
        "all inferences, with their shrinking": lambda: detector.labels(picture),
    }


@contextmanager
def one_core() -> Iterator[None]:
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
