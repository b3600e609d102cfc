"""CPU time by package: of a start, and of a picture that goes to S3 and Rekognition.

A profiler makes small Python functions look slower than they are: these are shares, not times.
"""

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from cProfile import Profile
from dataclasses import replace
from functools import partial
from pathlib import Path
from pstats import Stats
from statistics import median
from typing import Any

from bench.harness.fixtures import photo
from bench.harness.measuring import Breakdown, idle_share, time_call
from bench.harness.servers import aws_settings, clean_environment
from bench.scenarios.start import start_site
from rubberduck.core.settings import ROOT
from tests.support.pictures import form

PICTURES = {"A camera frame": ("camera frame", 100), "12 MP": ("12 MP", 20)}  # uploads per round
SHOWN = 12
STANDARD_LIBRARY = "Python's standard library"
IMPORTS = "import gc; gc.disable(); import gunicorn.app.wsgiapp, gunicorn.workers.gthread, app"
STEPS = {
    "Python itself": "pass",
    "imports": IMPORTS,
    "creating the application": f"{IMPORTS}; app.start()",
}
PIXELS, SOCKETS = "pixels: decoding, encoding, pasting", "sockets and waiting for them"
BUILT_IN = {  # what the name of a function in C contains
    "Imaging|imaging": PIXELS,
    "sqlite3": "SQLite",
    "posix|_io\\.": "files",
    "socket|select|lock": SOCKETS,
    "openssl|_crt": "checksums",
}


class Inline(ThreadPoolExecutor):
    """Runs what would be done in parallel at once in the caller's thread, which is profiled."""

    def submit(self, work: Callable[..., Any], /, *values: Any, **named: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(work(*values, **named))
        return future


def run(rounds: int = 3) -> Iterator[Breakdown]:
    yield shares("Imports until a worker can answer", _profile_imports, rounds)
    yield _start_steps(3 * rounds)
    for name, (size, count) in PICTURES.items():
        with _uploader(size) as upload:
            what = f"{name} to S3 and Rekognition over the network"
            yield shares(what, partial(_profile, upload, count), rounds)


def shares(what: str, profile: Callable[[], Mapping[str, float]], rounds: int) -> Breakdown:
    """Return each package's percentage, the median of the rounds after one that does not count."""
    idle_share()
    measured = [profile() for _ in range(rounds + 1)][1:]
    total = sum(map(Counter[str], measured), Counter[str]())
    percents = {
        name: median(each.get(name, 0.0) / sum(each.values()) * 100 for each in measured)
        for name, _ in total.most_common(SHOWN)
    }
    percents["all others"] = 100 - sum(percents.values())
    return Breakdown(what, "%", percents, idle_share())


def _start_steps(rounds: int) -> Breakdown:
    """Return the milliseconds that each step of a start adds to those before it."""
    measures: dict[str, Callable[[], float]] = {
        step: partial(_python_milliseconds, code) for step, code in STEPS.items()
    }
    measures["gunicorn, a worker's fork, the first page"] = lambda: start_site().value * 1000
    before, parts = 0.0, {}
    idle_share()
    for step, measure in measures.items():
        after = median([measure() for _ in range(rounds + 1)][1:])
        parts[step], before = after - before, after
    return Breakdown("A start to the first answer", "ms", parts, idle_share())


def _python_milliseconds(code: str) -> float:
    # Without the interpreter's clean-up, which a server does not wait for either.
    return time_call(partial(_run_python, "-c", f"{code}; import os; os._exit(0)")).value


def _profile_imports() -> Mapping[str, float]:
    """Return the microseconds of each package."""
    log = _run_python("-X", "importtime", "-c", IMPORTS)
    took = Counter[str]()
    for microseconds, package in re.findall(r"import time: +(\d+) \| +\d+ \| +(\w+)", log):
        name = STANDARD_LIBRARY if package in sys.stdlib_module_names else package
        took[name] += int(microseconds)
    return took


def _run_python(*arguments: str) -> str:
    """Run Python, and return what it writes to stderr."""
    with clean_environment({}) as environment:
        environment["DUCK_DATABASE_URL"] = f"sqlite:///{environment['HOME']}/duck.db"
        command = [sys.executable, *arguments]
        done = subprocess.run(
            command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True
        )
        return done.stderr


@contextmanager
def _uploader(size: str) -> Iterator[Callable[[], None]]:
    """Yield a function that uploads a new picture to a site in this process."""
    from app import create_app
    from composition import build_pipeline

    picture, numbers = photo(size), iter(range(1_000_000))
    with aws_settings() as settings:
        pipeline = replace(build_pipeline(settings), _executor=Inline())
        client = create_app(settings, pipeline=pipeline).test_client()

        def upload() -> None:
            answer = client.post("/api/v1/pictures", **form(picture + next(numbers).to_bytes(8)))
            assert answer.status_code == 201, answer.text

        yield upload


def _profile(work: Callable[[], None], count: int) -> Mapping[str, float]:
    """Return the seconds of each package's own functions."""
    with Profile() as profile:
        for _ in range(count):
            work()
    took = Counter[str]()
    for (file, _, function), (_, _, own, *_) in Stats(profile).stats.items():  # type: ignore[attr-defined]
        took[package_of(file, function)] += own
    return took


def package_of(file: str, function: str) -> str:
    if file == "~":  # written in C: known by the function's name only
        known = (name for pattern, name in BUILT_IN.items() if re.search(pattern, function))
        return next(known, "built-in functions")
    parts = Path(file).parts
    if "site-packages" in parts:
        return parts[parts.index("site-packages") + 1]
    return "rubberduck" if file.startswith(str(ROOT)) else STANDARD_LIBRARY
