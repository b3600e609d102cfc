"""Workers in processes of their own, as `python worker.py` starts them, and their children."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

from rubberduck.core.settings import ROOT
from rubberduck.jobs.models import ACTIVE, Job
from rubberduck.jobs.queue import JobQueue
from tests.support.held_answers import Held
from tests.support.server import PATIENCE, amazon, environment_for, until


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


def start_step(
    folder: Path, job_id: str, function: Callable[..., Any], *arguments: Any, **environment: str
) -> "subprocess.Popen[bytes]":
    """Start a step of a job in a process of its own, as a worker does; its outcome is its output.

    The site's data is in `folder`, and Amazon is where this process finds it.
    """
    request = {
        "job_id": job_id,
        "function": f"{function.__module__}:{function.__qualname__}",
        "arguments": arguments,
        "parent": os.getpid(),
        "megabytes": 2000,
    }
    child = subprocess.Popen(
        [sys.executable, "worker.py", "--step"],
        cwd=ROOT,
        env={**environment_for(folder, 0), **amazon(), **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert child.stdin
    child.stdin.write(json.dumps(request).encode())
    child.stdin.close()
    child.stdin = None  # or communicate() flushes it
    return child


def killed_when_held(worker: Worker, held: Held) -> None:
    """Kill a worker that waits for an answer, and wait until its children have ended, too."""
    held.until_held()
    children = worker.process.children(recursive=True)
    worker.kill()
    until(lambda: not any(child.is_running() for child in children))
    held.release()


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
