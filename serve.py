"""The site and its worker under one supervisor: `make run`.

Restarts a worker that ends, passes signals on, and stops both when either cannot start. honcho 2.0
was tried: it ends everything when one process ends, kills five seconds after SIGTERM (uploads get
25), and does not know SIGHUP. On Elastic Beanstalk systemd supervises the lines of the Procfile.
Imports only the standard library: about 10 MB.
"""

import ctypes
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
WEB = [sys.executable, "-m", "gunicorn", "wsgi:app"]
WORKER = [sys.executable, "worker.py"]
LINK = [sys.executable, "-m", "flask", "--app", "wsgi", "operator", "link"]
WORKER_DELAY = 3.0  # seconds: the first page comes first
LINK_DELAY = 4.0
RESTART_DELAY, MAX_RESTART_DELAY = 1.0, 60.0
SHORT_LIFE, MAX_SHORT_LIVES = 15.0, 3  # a worker that exits so soon, so often, cannot start
CANNOT_START = 78  # the worker's status when starting it again would not help
TRY_LATER, RETRY_DELAY = 75, 5.0  # its status when, for example, the database restarts
POLL_SECONDS = 0.2
PR_SET_PDEATHSIG = 1


class Supervisor:
    def __init__(self) -> None:
        self.web = _start(WEB)
        self.worker: subprocess.Popen[bytes] | None = None
        self.worker_due = time.monotonic() + WORKER_DELAY
        # A link that signs in is printed at a terminal only: standard output may be a log.
        self.link_due = time.monotonic() + LINK_DELAY if sys.stdout.isatty() else math.inf
        self.link: subprocess.Popen[bytes] | None = None
        self.worker_started = 0.0
        self.short_lives = self.kills = 0
        self.is_stopping = False

    def run(self) -> int:
        """Run until the site ends; return the exit status."""
        for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            signal.signal(signum, lambda signum, _frame: self.stop(signum))
        signal.signal(signal.SIGHUP, lambda *_: self.reload())
        status = 0
        while (ended := self.web.poll()) is None:
            time.sleep(POLL_SECONDS)
            self._print_link()
            if not self.is_stopping and not self._keep_worker():
                status = 1
                self.stop(signal.SIGTERM)
        self.is_stopping = True
        self._stop_worker()
        return status or abs(ended)

    def stop(self, signum: int) -> None:
        """Pass the signal to the site, which ends its requests, and end the worker."""
        self.is_stopping = True
        _send(self.web, signum)
        _send(self.worker, signal.SIGTERM)

    def reload(self) -> None:
        """Let the site load its code and settings anew; the worker ends and is started again."""
        self.short_lives = self.kills = 0  # a worker that still starts ends soon, as it should
        _send(self.web, signal.SIGHUP)
        _send(self.worker, signal.SIGTERM)

    def _keep_worker(self) -> bool:
        """Start the worker if it is due. Return False if it cannot start."""
        now = time.monotonic()
        if self.worker is None:
            if now >= self.worker_due:
                self.worker, self.worker_started = _start(WORKER), now
            return True
        if (status := self.worker.poll()) is None:
            return True
        if status == TRY_LATER:
            self.worker, self.worker_due = None, now + RETRY_DELAY
            return True
        is_short = status != 0 and now - self.worker_started < SHORT_LIFE
        if status < 0:
            self._restart_killed(now, is_short)
            return True
        self.short_lives = self.short_lives + 1 if is_short else 0
        if status == CANNOT_START or self.short_lives == MAX_SHORT_LIVES:
            sys.stderr.write("The worker cannot start, so the site stops, too.\n")
            return False
        self.worker, self.worker_due = None, now + RESTART_DELAY
        return True

    def _restart_killed(self, now: float, is_short: bool) -> None:
        """Start a worker that a signal ended, later each time: memory may be short for a while."""
        self.kills = self.kills + 1 if is_short else 1
        delay = min(RESTART_DELAY * 2 ** min(self.kills - 1, 9), MAX_RESTART_DELAY)
        self.worker, self.worker_due = None, now + delay

    def _print_link(self) -> None:
        """Print a one-time sign-in link, when it is due; what it costs is only paid once."""
        if not self.is_stopping and time.monotonic() >= self.link_due:
            self.link, self.link_due = _start(LINK), math.inf
        if self.link and self.link.poll() is not None:
            self.link = None

    def _stop_worker(self) -> None:
        for process in (self.worker, self.link):
            _send(process, signal.SIGTERM)
            if process:
                process.wait()


def _start(command: list[str]) -> "subprocess.Popen[bytes]":
    # A session of its own: Ctrl+C at the terminal reaches it only through this process, once.
    options: dict[str, Any] = {"cwd": FOLDER, "start_new_session": True}
    return subprocess.Popen(command, **options, preexec_fn=_end_with_supervisor)  # noqa: PLW1509


def _end_with_supervisor() -> None:
    """Let the kernel stop this child if the supervisor is killed."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "prctl"):
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _send(process: "subprocess.Popen[bytes] | None", signum: int) -> None:
    if process and process.poll() is None:
        os.kill(process.pid, signum)


if __name__ == "__main__":
    sys.exit(Supervisor().run())
