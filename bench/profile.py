"""Where the processor's time goes, by package: of a start, and of a picture over the wire.

A profiler makes small Python functions look slower than they are, so these are shares, not times.
"""

import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from cProfile import Profile
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from pstats import Stats
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

from bench import endpoints, start
from bench.fixtures import photo
from bench.measure import Parts, idle
from bench.sites import environment
from db_setup import set_up
from rubberduck.core.settings import ROOT, load_settings
from tests.support.pictures import form

FRAMES, PHOTOS = 100, 20  # a round
SHOWN = 12
PYTHON = "Python's library"
IMPORTS = "import gc; gc.disable(); import gunicorn.app.wsgiapp, gunicorn.workers.gthread, app"
STEPS = {
    "Python itself": "pass",
    "imports": IMPORTS,
    "the site put together": f"{IMPORTS}; app.start()",
}
THE_REST = "gunicorn, a worker's fork, the first page"
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
    yield _steps(3 * rounds)
    for name, size, count in (
        ("A camera frame", "camera frame", FRAMES),
        ("12 MP", "12 MP", PHOTOS),
    ):
        with _client(size) as look, idle() as rest:
            looks = [_profiled(look, count) for _ in range(rounds + 1)][1:]
        yield _parts(f"{name} to S3 and Rekognition over the wire", looks, rest.share)


def _steps(rounds: int) -> Parts:
    """Of a start, one after the other: what each adds to those before it."""
    with TemporaryDirectory() as name, idle() as rest:
        folder = Path(name)
        until = {step: _median(rounds, partial(_ran, code, folder)) for step, code in STEPS.items()}
        until[THE_REST] = _median(rounds, lambda: start.ours(folder)().value)
    before, parts = 0.0, {}
    for step, seconds in until.items():
        parts[step], before = (seconds - before) * 1000, seconds
    return Parts("A start to the first answer", "ms", parts, rest.share)


def _median(rounds: int, measure: Callable[[], float]) -> float:
    return median([measure() for _ in range(rounds + 1)][1:])


def _ran(code: str, folder: Path) -> float:
    """Seconds that Python takes for it."""
    with environment({"DUCK_DATABASE_URL": f"sqlite:///{folder / 'duck.db'}"}) as whole:
        begin = time.perf_counter()
        # Nobody waits for its end.
        command = [sys.executable, "-c", f"{code}; import os; os._exit(0)"]
        subprocess.run(command, cwd=ROOT, env=whole, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begin


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
def _client(size: str) -> Iterator[Callable[[], None]]:
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
            yield _looking(photo(size))


def _looking(picture: bytes) -> Callable[[], None]:
    from app import create_app
    from composition import build_pipeline

    settings = load_settings()
    pipeline = replace(build_pipeline(settings), _beside=Beside())
    client = create_app(settings, pipeline=pipeline).test_client()
    numbers = iter(range(1_000_000))

    def look() -> None:
        another = picture + next(numbers).to_bytes(8)
        answer = client.post("/api/v1/pictures", **form(another))
        assert answer.status_code == 201, answer.text

    look()
    return look


def _profiled(look: Callable[[], None], count: int) -> Mapping[str, float]:
    """Seconds of each package's own functions."""
    profile = Profile()
    profile.enable()
    for _ in range(count):
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
