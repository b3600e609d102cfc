"""The worker's side of a step: start the child, follow it, end it.

multiprocessing would fork a process full of the engine's threads, or import the worker's main
module in each child; concurrent.futures cannot end a running call. So a child is a plain
subprocess.
"""

import json
import logging
import os
import selectors
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rubberduck.core.errors import DuckError
from rubberduck.core.sentences import Sentence
from rubberduck.jobs.models import Run
from rubberduck.jobs.store import JobStore

log = logging.getLogger(__name__)
POLL_SECONDS = 0.5
EXIT_SECONDS = 10.0
PROGRAM_FAULT = Sentence(
    "A fault in the program of this job ended it. The log of the worker has the details."
)
KILLED = Sentence("The system ended it, probably because the machine's memory ran out.")


class RunEnded(Exception):
    """The job was cancelled, or another worker has taken it over."""


@dataclass
class Steps:
    """Runs steps in children. `command` starts one, `worker_id` is no other living worker's."""

    store: JobStore
    command: Sequence[str]
    megabytes: int
    worker_id: str
    _children: set[int] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _is_stopping: bool = False

    def run(self, run: Run, function: Callable[..., Any], arguments: Sequence[Any]) -> Any:
        """Run `function(task, *arguments)` in a child; return {"result": …} or {"error": …}.

        Raises RunEnded at the first check after the job's cancellation: two are made each second.
        """
        folder = self._temporary_folder()
        request = {
            "job_id": run.job_id,
            "function": f"{function.__module__}:{function.__qualname__}",
            "arguments": arguments,
            "parent": os.getpid(),
            "megabytes": self.megabytes,
            "temporary": folder,
        }
        child = self._start()
        try:
            assert child.stdin
            with suppress(BrokenPipeError), child.stdin as pipe:
                pipe.write(json.dumps(request).encode())
            outcome = self._follow(run, child)
        finally:
            _kill(child.pid)
            status = child.wait()
            if child.stdout:
                child.stdout.close()
            if folder:
                shutil.rmtree(folder, ignore_errors=True)
            with self._lock:
                self._children.discard(child.pid)
        if self._is_stopping:
            threading.Event().wait()  # the process ends now; the next one runs this step again
        if outcome is None:
            log.error("step failed job=%s status=%d", run.job_id, status)
            text = KILLED if status == -signal.SIGKILL else PROGRAM_FAULT
            return {"error": text, "sentence": text.to_json(), "cause": f"exit status {status}"}
        return outcome

    def stop(self) -> None:
        """End all children, and start no more: the worker is about to end."""
        with self._lock:
            self._is_stopping = True
            for pid in self._children:
                _kill(pid)
        self.delete_left_files()

    def delete_left_files(self) -> None:
        """Delete the temporary files of a worker of this id that was killed."""
        for folder in Path(tempfile.gettempdir()).glob(f"{self._prefix}*"):
            log.info("temporary files deleted folder=%s", folder)
            shutil.rmtree(folder, ignore_errors=True)

    @property
    def _prefix(self) -> str:
        return f"rubberduck-{self.worker_id}-"

    def _temporary_folder(self) -> str | None:
        """Return a folder for a child's files: one that is killed cannot delete them itself."""
        try:
            return tempfile.mkdtemp(prefix=self._prefix)
        except OSError as error:  # the disk is full: the sweep, which makes room, needs none
            log.warning("no temporary folder cause=%s", error)
            return None

    def _start(self) -> "subprocess.Popen[bytes]":
        with self._lock:
            if not self._is_stopping:
                child = subprocess.Popen(
                    self.command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    start_new_session=True,
                )
                self._children.add(child.pid)
                return child
        threading.Event().wait()
        raise AssertionError

    def _follow(self, run: Run, child: "subprocess.Popen[bytes]") -> dict[str, Any] | None:
        """Save what the child reports until its outcome or its end. Raises RunEnded."""
        assert child.stdout
        report, buffer = _Report(self.store, run), b""
        due = time.monotonic() + POLL_SECONDS  # for a check, whatever the child reports until then
        with selectors.DefaultSelector() as selector:
            selector.register(child.stdout, selectors.EVENT_READ)
            while True:
                if selector.select(max(0.0, due - time.monotonic())):
                    if not (read := os.read(child.stdout.fileno(), 65536)):
                        with suppress(subprocess.TimeoutExpired):
                            child.wait(EXIT_SECONDS)
                        return None
                    *lines, buffer = (buffer + read).split(b"\n")
                    for message in map(json.loads, lines):
                        if "result" in message or "error" in message:
                            report.save()
                            return dict(message)
                        report.add(message)
                if time.monotonic() >= due:
                    report.save()
                    self.require_current(run)
                    due = time.monotonic() + POLL_SECONDS

    def require_current(self, run: Run) -> None:
        """Raise RunEnded if the run may not go on; while the database fails, it may."""
        try:
            if not self.store.is_current(run):
                raise RunEnded
        except DuckError as error:  # the result is saved when the database is back
            log.warning("job not checked job=%s cause=%s", run.job_id, error.operator_message)


@dataclass
class _Report:
    """Collects what a child reports, to save it twice a second at most."""

    store: JobStore
    run: Run
    progress: int | None = None
    message: str | None = None
    sentence: dict[str, Any] | None = None
    lines: list[str] = field(default_factory=list)
    is_new: bool = False

    def add(self, message: dict[str, Any]) -> None:
        if "log" in message:
            known = message["sentence"]
            self.lines.append(Sentence.from_json(known) if known else message["log"])
        else:
            self.progress, self.message = message["progress"], message["message"]
            self.sentence = message["sentence"]
        self.is_new = True

    def save(self) -> None:
        if not self.is_new:
            return
        try:
            self.store.report(self.run, self.progress, self.message, self.lines, self.sentence)
        except DuckError as error:
            log.warning("progress lost job=%s cause=%s", self.run.job_id, error.operator_message)
            return
        self.lines, self.is_new = [], False


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
