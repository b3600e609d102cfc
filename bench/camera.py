"""Camera frames and large photos, beside the original site's way, with the same recorded detector.

Both have the same machine and the same S3 and Rekognition, which take 50 and 300 ms for an answer.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from bench import endpoints
from bench.fixtures import photo
from bench.measure import Aim, Comparison, compared
from bench.sites import Site, gunicorn, our_site
from bench.visitors import upload, visit

DELAY, S3_DELAY = 0.3, 0.05  # seconds
SYNC = ("-k", "sync", "-w", "4", "--timeout", "120")
SECONDS = 5.0
A_SLOW_ONE = 4  # times as long for pyplot's large pictures, each of which takes some ten seconds


class Contest(NamedTuple):
    what: str
    size: str  # of the pictures
    clients: int
    path: str  # of ours
    aim: Aim | None


FRAMES = Contest(
    "Camera frames, 16 visitors", "camera frame", 16, "/api/v1/frames", Aim(5, at_least=True)
)
PHOTOS = Contest(
    "12 MP photos, 8 visitors", "12 MP", 8, "/api/v1/pictures", Aim(2, 3, at_least=True)
)


def run(rounds: int = 3, seconds: float = SECONDS) -> Iterator[Comparison]:
    with ExitStack() as stack:
        amazon = stack.enter_context(endpoints.running(DELAY, s3_delay=S3_DELAY))
        ours = stack.enter_context(_ours("bench.recorded:app", amazon))
        pillow = stack.enter_context(_original(amazon))
        pyplot = stack.enter_context(_original(amazon, DRAWING="pyplot"))
        served = stack.enter_context(_ours("wsgi:app", amazon))
        yield _held(FRAMES, ("ours", ours), ("original", pillow), rounds, seconds)
        yield _held(PHOTOS, ("ours", served), ("original", pillow), rounds, seconds)
        # The aims speak of the original as it was in the end.
        frames, photos = FRAMES._replace(aim=None), PHOTOS._replace(aim=None)
        at_first = ("original, pyplot", pyplot)
        yield _held(frames, ("ours", ours), at_first, rounds, seconds)
        yield _held(photos, ("ours", served), at_first, rounds, A_SLOW_ONE * seconds)
        embedded = frames._replace(what="Camera frames, 16 visitors, our own detector")
        yield _held(embedded, ("embedded detector", served), ("original", pillow), rounds, seconds)


def _held(
    contest: Contest, ours: tuple[str, Site], other: tuple[str, Site], rounds: int, seconds: float
) -> Comparison:
    data = photo(contest.size)
    sides = [
        (name, lambda site=site, say=say: visit(site, say, contest.clients, seconds).rate())
        for (name, site), say in ((ours, upload(contest.path, data)), (other, upload("/", data)))
    ]
    return compared(contest.what, "pictures/s", sides, rounds, contest.aim)


@contextmanager
def _ours(app: str, amazon: dict[str, str]) -> Iterator[Site]:
    with TemporaryDirectory() as folder, our_site(Path(folder), app=app, **amazon) as site:
        yield site


@contextmanager
def _original(amazon: dict[str, str], **more: str) -> Iterator[Site]:
    with TemporaryDirectory() as name:
        folder = Path(name)
        more = {**amazon, **more, "DUCK_UPLOADS": name}
        with gunicorn("bench.original:app", SYNC, folder, folder, **more) as site:
            yield site
