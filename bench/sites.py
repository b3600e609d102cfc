"""Sites in gunicorn, in processes of their own: ours as it is served, and those beside it."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.request import urlopen

import psutil

from rubberduck.core.settings import ROOT

PATIENCE = 60.0  # seconds
POLL = 0.002


@dataclass(frozen=True)
class Site:
    port: int
    process: psutil.Popen
    seconds: float  # from its start to its first answer

    @property
    def workers(self) -> list[psutil.Process]:
        return self.process.children()

    def cpu(self) -> float:
        """Processor seconds of all its processes until now."""
        times = [each.cpu_times() for each in (self.process, *self.workers)]
        return sum(each.user + each.system for each in times)


@contextmanager
def our_site(folder: Path, *arguments: str, app: str = "wsgi:app", **more: str) -> Iterator[Site]:
    """With its own gunicorn.conf.py, on an empty database."""
    settings = {
        "DUCK_DATABASE_URL": f"sqlite:///{folder / 'duck.db'}",
        "DUCK_UPLOADS": str(folder / "uploads"),
        "DUCK_SECRET_KEY": "a key of the bench",
        "DUCK_UPLOADS_A_MINUTE": "0",
        "DUCK_DAILY_CALLS": "100000000",
        "DUCK_MONTHLY_CALLS": "100000000",
        **more,
    }
    set_up = [sys.executable, "db_setup.py"]
    with environment(settings) as whole:
        subprocess.run(set_up, cwd=ROOT, env=whole, check=True, stdout=subprocess.DEVNULL)
    with gunicorn(app, arguments, folder, ROOT, **settings) as site:
        yield site


@contextmanager
def gunicorn(
    app: str, arguments: Sequence[str], folder: Path, start_in: Path, **more: str
) -> Iterator[Site]:
    """Any WSGI app. It reads a gunicorn.conf.py of the folder that it is started in."""
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", app, "-b", f"127.0.0.1:{port}", *arguments]
    with running(command, port, folder, start_in, **more) as site:
        yield site


@contextmanager
def running(
    command: Sequence[str], port: int, folder: Path, start_in: Path, **more: str
) -> Iterator[Site]:
    """Any server, until it answers; its log goes to `folder`."""
    with environment(more) as whole, (folder / "log").open("ab") as log:
        start = time.perf_counter()
        process = psutil.Popen(command, cwd=start_in, env=whole, stdout=log, stderr=log)
        try:
            _wait_until_it_answers(process, port, folder)
            yield Site(port, process, time.perf_counter() - start)
        finally:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGTERM)
            process.wait(PATIENCE)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def environment(more: dict[str, str]) -> Iterator[dict[str, str]]:
    """Nothing of the developer's own settings or AWS account."""
    with TemporaryDirectory() as home:
        yield {
            "PATH": os.environ["PATH"],
            "HOME": home,
            "PYTHONPATH": str(ROOT),
            "FLASK_SKIP_DOTENV": "1",
            **more,
        }


def _wait_until_it_answers(process: psutil.Popen, port: int, folder: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError), urlopen(f"http://127.0.0.1:{port}/", timeout=PATIENCE):
            return
        time.sleep(POLL)
    raise RuntimeError(f"the site did not start:\n{(folder / 'log').read_text()}")
