"""A site run, backed up, ended and restored by its commands, as an operator does it."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from rubberduck.core.settings import ROOT
from tests.support.pictures import encoded
from tests.support.server import Site, environment_for


def command(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "flask", "--app", "wsgi", *words],
        cwd=ROOT,
        env=environment_for(folder, 1),
        capture_output=True,
        text=True,
        check=False,
    )


def upload(site: Site, number: int) -> str:
    status, body = site.post(encoded(comment=str(number)))
    assert status == 201, body
    return str(json.loads(body)["links"]["self"])


def stop(site: Site, end: signal.Signals) -> None:
    """End the site as an operator (SIGTERM) or a crash of the machine (SIGKILL for each) does."""
    pids = [*site.workers, site.process.pid] if end == signal.SIGKILL else [site.process.pid]
    for pid in reversed(pids):
        os.kill(pid, end)
    site.process.wait()
