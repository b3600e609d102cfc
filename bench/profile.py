"""Where the processor's time goes, by package: of a start, and of a picture over the wire.

A profiler makes small Python functions look slower than they are, so these are shares, not times.
"""

import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from cProfile import Profile
from dataclasses import replace
from functools import cache
from pathlib import Path
from pstats import Stats
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

from bench import endpoints
from bench.fixtures import photo
from bench.measure import Parts, idle
from db_setup import set_up
from rubberduck.settings import ROOT, load_settings
from tests.pictures import form

PICTURES = 100  # a round
SHOWN = 12
PYTHON = "Python's library"
IMPORTS = "import gc; gc.disable(); import gunicorn.app.wsgiapp, gunicorn.workers.gthread, app"
BUILT_IN = {
    "Imaging": "pixels: decoding, encoding, pasting",
    "imaging": "pixels: decoding, encoding, pasting",
    "sqlite3": "SQLite",
    "posix": "files",
    "_io.": "files",
    "socket": "sockets and waiting for them",
    "select": "sockets and waiting for them",
    "lock": "sockets and waiting for them",
    "openssl": "checksums",
    "_crt": "checksums",
}
LINE = re.compile(r"import time: +(\d+) \| +\d+ \| +(\w+)")


class Beside(ThreadPoolExecutor):
    """What would be done beside, done here, where the profiler sees it."""

    def submit(self, work: Callable[..., Any], /, *values: Any, **named: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(work(*values, **named))
        return future


def run(rounds: int = 3) -> Iterator[Parts]:
    with idle() as rest:
        imports = [_imports() for _ in range(rounds + 1)][1:]
    yield _parts("Imports until a worker can answer", imports, rest.share)
    with _client() as look, idle() as rest:
        looks = [_profiled(look) for _ in range(rounds + 1)][1:]
    yield _parts("A camera frame to S3 and Rekognition over the wire", looks, rest.share)


def _parts(what: str, rounds: Sequence[Mapping[str, float]], share: float) -> Parts:
    """Percent of each round's sum; the middle one of the rounds."""
    names = Counter[str]()
    for each in rounds:
        names.update(each)
    percents = {
        name: median(each.get(name, 0.0) / sum(each.values()) * 100 for each in rounds)
        for name, _ in names.most_common(SHOWN)
    }
    others = 100 - sum(percents.values())
    return Parts(what, "%", percents | {"all others": others}, share)


def _imports() -> Mapping[str, float]:
    """Microseconds of each package."""
    command = [sys.executable, "-X", "importtime", "-c", IMPORTS]
    told = subprocess.run(command, cwd=ROOT, check=True, stderr=subprocess.PIPE, text=True).stderr
    took = Counter[str]()
    for microseconds, package in LINE.findall(told):
        took[PYTHON if package in sys.stdlib_module_names else package] += int(microseconds)
    return took


@contextmanager
def _client() -> Iterator[Callable[[], None]]:
    with endpoints.running() as amazon, TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/duck.db"
        more = {
            "DUCK_DATABASE_URL": url,
            "DUCK_DAILY_CALLS": "100000",
            "DUCK_UPLOADS_A_MINUTE": "0",
            "DUCK_SECRET_KEY": "a key of the bench",
        }
        with patch.dict(os.environ, amazon | more):
            set_up(url)
            yield _looking()


def _looking() -> Callable[[], None]:
    from app import create_app
    from composition import build_finder

    settings = load_settings()
    finder = replace(build_finder(settings), _beside=Beside())
    client = create_app(settings, finder=finder).test_client()
    numbers = iter(range(1_000_000))

    def look() -> None:
        frame = photo("camera frame") + next(numbers).to_bytes(8)
        answer = client.post("/api/v1/pictures", **form(frame))
        assert answer.status_code == 201, answer.text

    look()
    return look


def _profiled(look: Callable[[], None]) -> Mapping[str, float]:
    """Seconds of each package's own functions."""
    profile = Profile()
    profile.enable()
    for _ in range(PICTURES):
        look()
    profile.disable()
    took = Counter[str]()
    for (file, _, function), (_, _, own, *_) in Stats(profile).stats.items():  # type: ignore[attr-defined]
        took[_package(file, function)] += own
    return took


@cache
def _package(file: str, function: str) -> str:
    if file == "~":  # in C: told by its type or module
        return BUILT_IN.get(
            next((word for word in BUILT_IN if word in function), ""), "built-in functions"
        )
    parts = Path(file).parts
    if "site-packages" in parts:
        return parts[parts.index("site-packages") + 1]
    return "rubberduck" if file.startswith(str(ROOT)) else PYTHON
