"""Camera frames and large photos, compared with the original site, with the same recorded detector.

Both have the same machine and the same S3 and Rekognition, which take 50 and 300 ms to answer.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from bench.harness import endpoints
from bench.harness.fixtures import photo
from bench.harness.load import measure_load, upload_request
from bench.harness.measuring import Aim, Comparison, compare
from bench.harness.servers import Server, run_gunicorn, run_site
from rubberduck.core.settings import ROOT

DELAY, S3_DELAY = 0.3, 0.05  # seconds
SYNC = ("-k", "sync", "-w", "4", "--timeout", "120")
SECONDS = 5.0
PYPLOT_FACTOR = 4  # times as long for pyplot's large pictures, each of which takes some ten seconds


class Load(NamedTuple):
    what: str
    size: str  # of the pictures
    clients: int
    path: str  # of ours
    aim: Aim | None


FRAMES = Load(
    "Camera frames, 16 clients", "camera frame", 16, "/api/v1/frames", Aim(5, at_least=True)
)
PHOTOS = Load("12 MP photos, 8 clients", "12 MP", 8, "/api/v1/pictures", Aim(2, 3, at_least=True))


def run(rounds: int = 3, seconds: float = SECONDS) -> Iterator[Comparison]:
    with endpoints.running(DELAY, s3_delay=S3_DELAY) as aws, ExitStack() as stack:
        recorded = stack.enter_context(run_site(app="bench.harness.recorded_site:app", **aws))
        pillow = stack.enter_context(_original(aws))
        pyplot = stack.enter_context(_original(aws, DRAWING="pyplot"))
        served = stack.enter_context(run_site(**aws))
        yield _compare(FRAMES, ("ours", recorded), ("original", pillow), rounds, seconds)
        yield _compare(PHOTOS, ("ours", served), ("original", pillow), rounds, seconds)
        # The aims are about the original in its final state, which draws with Pillow.
        frames, photos = FRAMES._replace(aim=None), PHOTOS._replace(aim=None)
        first = ("original, pyplot", pyplot)
        yield _compare(frames, ("ours", recorded), first, rounds, seconds)
        yield _compare(photos, ("ours", served), first, rounds, PYPLOT_FACTOR * seconds)
        embedded = frames._replace(what=f"{FRAMES.what}, embedded detector")
        ours = ("embedded detector", served)
        yield _compare(embedded, ours, ("original", pillow), rounds, seconds)


def _compare(
    load: Load, ours: tuple[str, Server], other: tuple[str, Server], rounds: int, seconds: float
) -> Comparison:
    requests = [upload_request(path, photo(load.size)) for path in (load.path, "/")]
    sides = [
        (name, lambda s=server, r=request: measure_load(s, r, load.clients, seconds).rate())
        for (name, server), request in zip((ours, other), requests, strict=True)
    ]
    return compare(load.what, "pictures/s", sides, rounds, load.aim)


@contextmanager
def _original(aws: dict[str, str], **variables: str) -> Iterator[Server]:
    with TemporaryDirectory() as folder:
        variables = {**aws, **variables, "DUCK_UPLOADS": folder, "PYTHONPATH": str(ROOT)}
        app = "bench.peers.original_site:app"
        with run_gunicorn(app, SYNC, Path(folder), **variables) as server:
            yield server
