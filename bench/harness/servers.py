"""Web servers as subprocesses: our site as it is deployed, and those it is compared with."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch
from urllib.request import urlopen

import psutil

from bench.harness import endpoints
from bench.harness.measuring import cpu_seconds
from db_setup import set_up
from rubberduck.core.settings import ROOT, Settings
from tests.support.server import free_port, running

RECORDED = "bench.harness.recorded_site:app"
TIMEOUT = 60.0  # seconds to start and to answer
POLL = 0.002


@dataclass(frozen=True)
class Server:
    port: int
    process: psutil.Popen
    start_seconds: float  # from the start of the process to the first answer

    def cpu(self) -> float:
        """Return the CPU seconds that all its processes have used so far."""
        return cpu_seconds(self.process)


@contextmanager
def run_site(
    *arguments: str, app: str = "wsgi:app", build: str | Path = ROOT, **variables: str
) -> Iterator[Server]:
    """Serve our site with its own gunicorn.conf.py and, by default, an empty SQLite database.

    `build` is the folder of another checkout, with its own `.venv`, to serve instead of this one.
    """
    root = Path(build)
    with TemporaryDirectory() as folder:
        settings = {
            "DUCK_DATABASE_URL": f"sqlite:///{folder}/duck.db",
            "DUCK_UPLOADS": f"{folder}/uploads",
            "DUCK_SECRET_KEY": "a key of the bench",
            "DUCK_UPLOADS_A_MINUTE": "0",
            "DUCK_DAILY_CALLS": "100000000",
            "DUCK_MONTHLY_CALLS": "100000000",
            **variables,
        }
        if root == ROOT:
            set_up(settings["DUCK_DATABASE_URL"])
        else:
            command = [python_of(root), "db_setup.py"]
            environment = {**os.environ, **settings}
            subprocess.run(
                command, cwd=root, env=environment, check=True, stdout=subprocess.DEVNULL
            )
        command = gunicorn(app, *arguments, python=python_of(root))
        with run_server(command, root, **settings) as server:
            yield server


def gunicorn(app: str, *arguments: str, python: str = sys.executable) -> list[str]:
    """Return the command for any WSGI app; it reads a gunicorn.conf.py of its working folder."""
    return [python, "-m", "gunicorn", app, "-b", "127.0.0.1:{port}", *arguments]


def python_of(build: Path) -> str:
    """Return the Python of a checkout: of this one, the one that runs."""
    return sys.executable if build == ROOT else str(build / ".venv" / "bin" / "python")


@contextmanager
def run_server(command: Sequence[str], cwd: Path, **variables: str) -> Iterator[Server]:
    """Run any server on the "{port}" of its command, from its first answer on.

    It sees none of the developer's own settings or AWS account. RuntimeError with its log, if it
    does not start.
    """
    port = free_port()
    command = [part.replace("{port}", str(port)) for part in command]
    with TemporaryDirectory() as home:
        path = {"PYTHONPATH": str(cwd if (cwd / "wsgi.py").exists() else ROOT)}
        own = {"PATH": os.environ["PATH"], **path, "FLASK_SKIP_DOTENV": "1"}
        log_file, start = Path(home, "log"), time.perf_counter()
        with running(command, cwd, {"HOME": home, **own, **variables}, log_file) as process:
            _wait_for_answer(process, port, log_file)
            yield Server(port, process, time.perf_counter() - start)


def _wait_for_answer(process: psutil.Popen, port: int, log_file: Path) -> None:
    deadline = time.monotonic() + TIMEOUT
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError), urlopen(f"http://127.0.0.1:{port}/", timeout=TIMEOUT):
            return
        time.sleep(POLL)
    raise RuntimeError(f"the server did not start:\n{log_file.read_text()}")


@contextmanager
def aws_settings(delay: float = 0.0, megabits: float | None = None) -> Iterator[Settings]:
    """Yield settings for a site in this process that uses the bench's endpoints as AWS."""
    with (
        endpoints.running(delay, megabits) as aws,
        patch.dict(os.environ, aws),
        TemporaryDirectory() as folder,
    ):
        url = f"sqlite:///{folder}/duck.db"
        set_up(url)
        key = "a key of the bench"
        yield Settings(database_url=url, daily_calls=100_000, uploads_a_minute=0, secret_key=key)
