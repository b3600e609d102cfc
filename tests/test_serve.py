"""`make run`: the site and its worker under one supervisor."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from urllib.error import URLError
from urllib.request import urlopen

import psutil
import pytest

import serve
from rubberduck.core.settings import ROOT
from tests.support.server import PATIENCE, environment_for, free_port, until


class Run:
    """`python serve.py`, on data in `folder`."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.port, self.log_file = free_port(), folder / "log"
        environment = environment_for(folder, self.port, **environment)
        with self.log_file.open("wb") as log:
            command = [sys.executable, "serve.py"]
            self.process = psutil.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)

    @property
    def log(self) -> str:
        return self.log_file.read_text()

    def is_serving(self) -> bool:
        assert self.process.poll() is None, self.log
        with suppress(URLError, ConnectionError):
            return bool(urlopen(f"http://127.0.0.1:{self.port}/healthz").status == 200)
        return False

    def worker(self) -> psutil.Process:
        (found,) = [each for each in self.process.children() if "worker.py" in each.cmdline()]
        return found


@contextmanager
def run(folder: Path, *, with_database: bool = True, **environment: str) -> Iterator[Run]:
    if with_database:
        settings = environment_for(folder, 0)
        subprocess.run([sys.executable, "db_setup.py"], cwd=ROOT, env=settings, check=True)
    run = Run(folder, **environment)
    children: list[psutil.Process] = []
    try:
        yield run
    finally:
        with suppress(psutil.NoSuchProcess):
            children = run.process.children(recursive=True)
            run.process.terminate()
        run.process.wait(PATIENCE)
    psutil.wait_procs(children, PATIENCE)
    assert not any(child.is_running() for child in children)


def test_a_dead_worker_is_started_again_and_ctrl_c_stops_both(tmp_path: Path) -> None:
    with run(tmp_path) as site:
        until(site.is_serving)
        until(lambda: site.log.count("worker started") == 1)
        os.kill(site.worker().pid, signal.SIGKILL)
        until(lambda: site.log.count("worker started") == 2)
        assert site.is_serving()
        everyone = site.process.children(recursive=True)
        site.process.send_signal(signal.SIGINT)
        assert site.process.wait(PATIENCE) == 0
        gone, alive = psutil.wait_procs(everyone, PATIENCE)
        assert (len(gone) > 3, alive) == (True, [])
        assert "worker stopped" in site.log
        assert "sign-in/link" not in site.log  # standard output is a file here


def test_the_site_stops_if_its_worker_cannot_start(tmp_path: Path) -> None:
    with run(tmp_path, with_database=False) as site:
        assert site.process.wait(2 * PATIENCE) == 1
    assert "The worker does not start." in site.log
    assert "The worker cannot start, so the site stops, too." in site.log


@pytest.fixture
def supervisor(monkeypatch: pytest.MonkeyPatch) -> Iterator[serve.Supervisor]:
    """One of a site that sleeps, without pauses."""
    for delay in ("WORKER_DELAY", "RESTART_DELAY", "RETRY_DELAY"):
        monkeypatch.setattr(serve, delay, 0.0)
    monkeypatch.setattr(serve, "WEB", ["sleep", "60"])
    supervisor = serve.Supervisor()
    yield supervisor
    for process in (supervisor.web, supervisor.worker):
        if process and process.poll() is None:
            process.kill()
        if process:
            process.wait()


def end_worker(supervisor: serve.Supervisor) -> bool:
    """Start the worker, wait for its end, and return whether the site goes on."""
    assert supervisor._keep_worker()
    assert supervisor.worker
    supervisor.worker.wait(PATIENCE)
    return supervisor._keep_worker()


def test_the_site_goes_on_while_its_worker_waits_for_a_database(
    supervisor: serve.Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serve, "WORKER", ["sh", "-c", "exit 75"])
    assert [end_worker(supervisor) for _ in range(5)] == [True] * 5
    monkeypatch.setattr(serve, "WORKER", ["sh", "-c", "exit 1"])
    assert [end_worker(supervisor) for _ in range(3)] == [True, True, False]


def test_the_site_goes_on_without_a_worker_that_is_killed_each_time(
    supervisor: serve.Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by the kernel when memory runs out; the next one starts later each time."""
    monkeypatch.setattr(serve, "WORKER", ["sh", "-c", "kill -KILL $$"])
    monkeypatch.setattr(serve, "RESTART_DELAY", 1.0)
    monkeypatch.setattr(serve, "time", SimpleNamespace(monotonic=lambda: 0.0))
    delays = []
    for _ in range(8):
        supervisor.worker_due = 0.0
        assert end_worker(supervisor)
        delays.append(supervisor.worker_due)
    assert delays == [1, 2, 4, 8, 16, 32, 60, 60]


def test_reloads_of_a_worker_that_still_starts_do_not_stop_the_site(
    supervisor: serve.Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serve, "WORKER", ["sleep", "60"])
    for _ in range(4):
        assert supervisor._keep_worker()
        worker = supervisor.worker
        assert worker
        supervisor.reload()
        worker.wait(PATIENCE)
        assert supervisor._keep_worker()


def test_no_worker_is_left_if_the_site_cannot_start(tmp_path: Path) -> None:
    with run(tmp_path, DUCK_MAX_SIDE="nonsense") as site:
        assert site.process.wait(PATIENCE) != 0
    assert "DUCK_MAX_SIDE is wrong" in site.log
    assert "worker started" not in site.log
