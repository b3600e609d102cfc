"""The embedded detector on a camera frame, from its bytes to the answer, on one core."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from bench.fixtures import photo
from bench.measure import Aim, Comparison, Sample, Work, compared, timed
from composition import build_finder
from rubberduck.core.settings import Settings
from rubberduck.detectors.embedded import LocalDetector, letterbox
from rubberduck.services.pipeline import Finder
from tests.support.ducks import duck_photo, gradient
from tests.support.pictures import encoded

AIM = Aim(30, 60, at_least=True, absolute=True)


def run(rounds: int = 40) -> Iterator[Comparison]:
    finder = build_finder(Settings(bucket=None))
    frames = {
        "with a duck": duck_photo(),
        "with nothing in it": encoded(gradient(), quality=92),
        "of all sorts": photo("camera frame"),
    }
    with one_core():
        for name, frame in frames.items():
            what = f"Embedded detector, a camera frame {name}, one core"
            ours = partial(finder.glance, frame)
            yield compared(what, "frames/s", [("ours", _rate(ours))], rounds, AIM)
        for part, work in _parts(finder, frames["with a duck"]).items():
            what = f"Of the frame with a duck: {part}"
            yield compared(what, "ms", [("ours", partial(timed, work))], rounds)


def _rate(work: Work) -> Callable[[], Sample]:
    def measure() -> Sample:
        took = timed(work)
        return Sample(1000 / took.value, took.cpu)

    return measure


def _parts(finder: Finder, frame: bytes) -> dict[str, Work]:
    detector, picture = LocalDetector(), finder.read(frame)
    return {
        "reading the picture": lambda: finder.read(frame),
        "shrinking it for the net": lambda: letterbox(picture.image),
        "the net, one look": detector.check,
        "all looks, with their shrinking": lambda: detector.labels(picture),
    }


@contextmanager
def one_core() -> Iterator[None]:
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
