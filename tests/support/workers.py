"""Workers in processes of their own, as `python worker.py` starts them."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from rubberduck.core.settings import ROOT
from rubberduck.jobs.models import ACTIVE, Job
from rubberduck.jobs.queue import JobQueue
from tests.support.server import PATIENCE, environment_for, until


class Worker:
    """A worker process; its log is in a file."""

    def __init__(
        self,
        folder: Path,
        database_url: str,
        name: str,
        jobs: str = "example_jobs",
        **environment: str,
    ) -> None:
        self.log_file = folder / f"{name}.log"
        command = [sys.executable, "worker.py", "--also", f"tests.support.{jobs}"]
        environment = {
            **environment_for(folder, 0),
            "DUCK_DATABASE_URL": database_url,
            "PYTHONPATH": str(ROOT),  # for the children, which find the tests' jobs
            **environment,
        }
        with self.log_file.open("ab") as log:
            self.process = psutil.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)

    @property
    def log(self) -> str:
        return self.log_file.read_text()

    def until_started(self) -> None:
        until(lambda: "worker started" in self.log or self.process.poll() is not None)
        assert self.process.poll() is None, self.log

    def kill(self) -> None:
        with suppress(psutil.NoSuchProcess):
            self.process.kill()
        self.process.wait(PATIENCE)

    def terminate(self) -> int:
        with suppress(psutil.NoSuchProcess):
            self.process.terminate()
        return int(self.process.wait(PATIENCE))


@contextmanager
def working(folder: Path, database_url: str, name: str = "worker", **more: str) -> Iterator[Worker]:
    """Run a worker that has started; end it afterwards."""
    worker = Worker(folder, database_url, name, **more)
    try:
        worker.until_started()
        yield worker
    finally:
        worker.kill()


def ended(queue: JobQueue, *ids: str) -> list[Job]:
    """Wait until the jobs have ended, and return them."""
    until(lambda: not any(queue.get(id).state in ACTIVE for id in ids))
    return [queue.get(id) for id in ids]


def running(queue: JobQueue, id: str, progress: int = 0) -> Callable[[], bool]:
    """Return whether the job runs and has come so far."""

    def is_running() -> bool:
        job = queue.get(id)
        return job.state == "running" and job.progress >= progress

    return is_running


def lines(queue: JobQueue, id: str) -> list[str]:
    return [line.line for _, line in queue.store.log_lines(id)]
