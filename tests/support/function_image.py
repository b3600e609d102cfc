"""The function at AWS Lambda as its image holds it, with Lambda's limits."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from rubberduck.core.settings import ROOT
from tests.support.arrivals import INPUT, OUTPUT

DOCKERFILE = ROOT / "deploy" / "function" / "Dockerfile"
IN_LAMBDA = """
import json, os, sys
for path in (".", "/dev/shm"):
    try:
        open(os.path.join(path, "written"), "w")
    except OSError:
        continue
    sys.exit(f"{path} is writable")
import lambda_function
assert lambda_function.__file__ == os.path.abspath("lambda_function.py")
print(json.dumps(lambda_function.lambda_handler(json.load(sys.stdin), None)))
"""
LIMITS = (
    "mount --bind /tmp /tmp && mount -o remount,bind,ro / && mount -t tmpfs -o ro none /dev/shm"
)


def in_sqs(id: str, message: str, received: int = 1) -> dict[str, Any]:
    """Return a message as the function gets it of a queue."""
    return {
        "eventSource": "aws:sqs",
        "messageId": id,
        "body": message,
        "receiptHandle": "h",
        "attributes": {"ApproximateReceiveCount": str(received)},
    }


def outcome_in_image(python: Path, folder: Path, event: dict[str, Any]) -> Any:
    """Return what the handler answers to an event when `python` runs it.

    At AWS Lambda only /tmp can be written, and there is no /dev/shm. Skips the test where the
    system does not let these limits be set.
    """
    (image := folder / "image").mkdir()
    command = ["unshare", "--mount", "sh", "-c", f'{LIMITS} && exec "$@"', ""]
    done = subprocess.run(
        [*command, str(python), "-c", IN_LAMBDA],
        check=False,
        cwd=_copied(image),
        env={**os.environ, "DUCK_EVENTS_INPUT": INPUT, "DUCK_EVENTS_OUTPUT": OUTPUT},
        input=json.dumps(event),
        capture_output=True,
        text=True,
    )
    if "unshare failed" in done.stderr or "mount:" in done.stderr:
        pytest.skip(f"this system does not let disks be made read-only: {done.stderr}")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])  # after the log


def _copied(folder: Path) -> Path:
    """Copy what the Dockerfile copies, and nothing else."""
    for line in DOCKERFILE.read_text().splitlines():
        if line.startswith("COPY "):
            *sources, target = line.split()[1:]
            for source in map(ROOT.joinpath, sources):
                copy = shutil.copytree if source.is_dir() else shutil.copy
                copy(source, folder / target / (source.name if source.is_file() else ""))
    return folder
