"""The site as it is served: gunicorn, in a process of its own, with two workers."""

import os
import re
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import matplotlib
import psutil

from rubberduck.core.settings import ROOT
from tests.support.databases import create_database
from tests.support.pictures import form

PATIENCE = 180.0  # seconds, for a busy computer: what hangs ends, and nothing is measured by it
PICTURES = "/api/v1/pictures"


@dataclass(frozen=True)
class Site:
    port: int
    process: psutil.Popen
    log_file: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        return self.log_file.read_text()

    @property
    def booted(self) -> list[int]:
        """All workers that were ever started, in this order."""
        # To its quotation mark: the file may be read while half a number is written.
        return [int(pid) for pid in re.findall(r"Booting worker with pid: (\d+)\"", self.log)]

    @property
    def workers(self) -> list[int]:
        """Those that run, in the order of their start."""
        ended = set(map(int, re.findall(r"Worker (?:exiting \(pid: |\(pid:)(\d+)\)", self.log)))
        return [pid for pid in self.booted if pid not in ended]

    def get(self, path: str) -> tuple[int, bytes]:
        return fetch(Request(self.url + path))

    def post(self, picture: bytes, **headers: str) -> tuple[int, bytes]:
        return fetch(upload(self.url, picture, **headers))


def fetch(request: Request) -> tuple[int, bytes]:
    try:
        with urlopen(request, timeout=PATIENCE) as answer:
            return answer.status, answer.read()
    except HTTPError as error:
        with error:
            return error.code, error.read()


def upload(url: str, picture: bytes, path: str = PICTURES, **headers: str) -> Request:
    """As a form or a program sends a picture; `X_Forwarded_For` is a header's name, too."""
    parts = form(picture)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request(f"{url}{path}", parts["data"], {"Content-Type": parts["content_type"], **named})


def amazon() -> dict[str, str]:
    """What leads a process to the S3 and the Rekognition of a test."""
    return {name: value for name, value in os.environ.items() if name.startswith("AWS_")}


def until(true: Callable[[], bool], seconds: float = 2 * PATIENCE) -> float:
    """Waits; tells how long it took."""
    start = time.monotonic()
    while not true():
        assert time.monotonic() < start + seconds, "it did not come true"
        time.sleep(0.05)
    return time.monotonic() - start


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(folder: Path, **environment: str) -> Iterator[Site]:
    """The site that gunicorn serves, on data in `folder`."""
    port = free_port()
    environment = environment_for(folder, port, **environment)
    create_database(environment["DUCK_DATABASE_URL"], with_jobs=True)
    command = [sys.executable, "-m", "gunicorn", "wsgi:app"]
    with running(command, ROOT, environment, folder / "log") as process:
        site = Site(port, process, folder / "log")
        _wait_until_alive(site, int(environment["WEB_CONCURRENCY"]))
        yield site


@contextmanager
def running(
    command: Sequence[str], cwd: Path, environment: dict[str, str], log_file: Path
) -> Iterator[psutil.Popen]:
    """Start a process that writes to `log_file`; stop it with SIGTERM and wait for its end."""
    with log_file.open("wb") as log:
        process = psutil.Popen(command, cwd=cwd, env=environment, stdout=log, stderr=log)
    try:
        yield process
    finally:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE)


def environment_for(folder: Path, port: int, **more: str) -> dict[str, str]:
    """Of a site that keeps its data in `folder`, and knows nothing of the developer's."""
    return {
        "DUCK_DATABASE_URL": f"sqlite:///{folder / 'duck.db'}",
        "DUCK_UPLOADS": str(folder / "uploads"),
        "HOME": str(folder),
        "MPLCONFIGDIR": matplotlib.get_cachedir(),  # looking for fonts takes a second each time
        "PATH": os.environ["PATH"],
        "FLASK_SKIP_DOTENV": "1",
        "PORT": str(port),
        "WEB_CONCURRENCY": "2",
        "DUCK_UPLOADS_A_MINUTE": "0",
        "DUCK_MIN_FREE_DISK": "0",
        "DUCK_SECRET_KEY": "a key of the tests",
        **more,
    }


def _wait_until_alive(site: Site, workers: int) -> None:
    """With all its workers, which share what is loaded: the first one has been replaced."""
    deadline = time.monotonic() + 2 * PATIENCE
    while time.monotonic() < deadline and site.process.poll() is None:
        try:
            if site.get("/healthz")[0] == 200 and len(site.booted) > workers >= len(site.workers):
                return
        except (URLError, ConnectionError):
            pass
        time.sleep(0.1)
    raise AssertionError(f"the site did not start:\n{site.log}")
