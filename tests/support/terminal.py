"""`make run` at a terminal: the site and its worker under their supervisor."""

import os
import pty
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from rubberduck.core.settings import ROOT
from tests.support.server import PATIENCE, environment_for, free_port, until


@dataclass
class Terminal:
    """What a person sees of a process, and the process itself."""

    url: str
    process: psutil.Popen
    lines: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(self.lines)

    def find(self, pattern: str) -> str:
        """Wait until something that matches is shown, and return it."""
        until(lambda: bool(re.search(pattern, self.text)) or self.process.poll() is not None)
        found = re.search(pattern, self.text)
        assert found, self.text
        return found[0]

    def worker(self) -> psutil.Process:
        (found,) = [each for each in self.process.children() if "worker.py" in each.cmdline()]
        return found


@contextmanager
def serve_at_terminal(folder: Path, **environment: str) -> Iterator[Terminal]:
    """Run serve.py on new data in `folder`; end it with SIGTERM."""
    settings = environment_for(folder, port := free_port(), **environment)
    subprocess.run([sys.executable, "db_setup.py"], cwd=ROOT, env=settings, check=True)
    screen, end = pty.openpty()
    command = [sys.executable, "serve.py"]
    process = psutil.Popen(command, cwd=ROOT, env=settings, stdout=end, stderr=end)
    os.close(end)
    terminal = Terminal(f"http://127.0.0.1:{port}", process)
    # What nobody reads would fill the terminal's buffer and stop the processes.
    reader = threading.Thread(target=_read, args=(screen, terminal.lines))
    reader.start()
    try:
        yield terminal
    finally:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
        status = process.wait(PATIENCE)
        reader.join(PATIENCE)
    assert status == 0, terminal.text


def _read(screen: int, lines: list[str]) -> None:
    with open(screen, encoding="utf-8", errors="replace") as file, suppress(OSError):
        lines.extend(file)  # OSError: its other end is closed
