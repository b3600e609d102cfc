"""`flask look s3://…` over many keys, with worker and command killed and started again."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from sqlalchemy import func, select

from rubberduck.core.settings import ROOT
from rubberduck.db.engine import Database
from rubberduck.db.tables import bucket_answers
from rubberduck.events.bucket_run import AT_ONCE
from tests.support.aws import BUCKET
from tests.support.fake_s3 import FakeS3
from tests.support.pictures import tiny
from tests.support.rekognition_endpoint import RekognitionEndpoint
from tests.support.server import PATIENCE, amazon, environment_for, until
from tests.support.workers import Worker

PREFIX = f"s3://{BUCKET}/all/"
JOBS = 2  # pages that a worker answers at the same time
OFF = 1_000_000  # more calls, and more calls a second, than the test makes


@dataclass
class FanOut:
    """A run over a bucket: the command, and the worker that answers."""

    folder: Path
    database_url: str
    s3: FakeS3
    eyes: RekognitionEndpoint
    worker: Worker | None = None
    command: psutil.Popen | None = None
    kills: int = 0
    run_id: str | None = None
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.database = Database(self.database_url)
        self.environment = {
            "DUCK_DATABASE_URL": self.database_url,
            "DUCK_ENGINE": "rekognition",
            "DUCK_DAILY_CALLS": str(OFF),
            "DUCK_MONTHLY_CALLS": str(OFF),
            "DUCK_WORKER_JOBS": str(JOBS),
            **amazon(),
        }

    def start(self) -> None:
        """Start the worker, and the command: the second time it follows its run."""
        self.worker = self._work()
        self.command = self._look()

    def kill(self) -> None:
        """Kill both, as a power cut does."""
        assert self.worker
        assert self.command
        self._learn_run_id()
        self.worker.kill()
        with suppress(psutil.NoSuchProcess):
            self.command.kill()
        self.command.wait(PATIENCE)
        self.kills += 1

    def goes_on_for(self, seconds: float) -> bool:
        """Let it answer for so long; return whether it has not ended by then.

        The time begins with the first answer: on a busy computer its start alone takes longer.
        """
        command, before = self.command, self.answered()
        assert command
        until(
            lambda: command.poll() is not None or self._revived() or self.answered() > before, 900
        )
        with suppress(psutil.TimeoutExpired, subprocess.TimeoutExpired):
            command.wait(seconds)
        return command.poll() is None

    def _revived(self) -> bool:
        """Start a worker that has ended again, as serve.py does; return False."""
        if self.worker and self.worker.process.poll() is not None:
            self.worker = self._work()
        return False

    def finish(self) -> int:
        """Wait for the end of the command; return its exit status."""
        assert self.command
        return int(self.command.wait(PATIENCE))

    @property
    def log(self) -> str:
        return "".join((self.folder / name).read_text() for name in ("look.log", "worker.log"))

    def answered(self) -> int:
        with self.database.transaction() as connection:
            return connection.scalar(select(func.count()).select_from(bucket_answers)) or 0

    def manifest(self) -> list[str]:
        """Return the keys of the command's last manifest, one for each line."""
        lines = (self.folder / "manifest.jsonl").read_text().splitlines()
        return [json.loads(line)["key"] for line in lines]

    def keys_with_answers(self) -> list[str]:
        with self.database.transaction() as connection:
            return list(connection.scalars(select(bucket_answers.c.key)))

    @property
    def most_calls(self) -> int:
        """Return how many calls the run may cost: a kill repeats at most what was in flight."""
        return len(self.s3.keys) + self.kills * JOBS * AT_ONCE

    def close(self) -> None:
        for process in (self.worker and self.worker.process, self.command):
            if process:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
                process.wait(PATIENCE)
        self.database.close()

    def _work(self) -> Worker:
        return Worker(self.folder, self.database_url, "worker", **self.environment)

    def _look(self) -> psutil.Popen:
        what = ["--run", self.run_id] if self.run_id else ["--yes", "--calls-a-second", "1000"]
        words = ["look", "--json", *what, *([] if self.run_id else [PREFIX])]
        with (
            (self.folder / "manifest.jsonl").open("wb") as out,
            (self.folder / "look.log").open("ab") as log,
        ):
            return psutil.Popen(
                [sys.executable, "-m", "flask", "--app", "wsgi", *words],
                cwd=ROOT,
                env=environment_for(self.folder, 0, **self.environment),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=log,
            )

    def _learn_run_id(self) -> None:
        """Read the run from what the command told its user."""
        log = self.folder / "look.log"
        until(lambda: "--run" in log.read_text())
        (self.run_id,) = set(re.findall(r"--run (\S+) --json", log.read_text()))


@contextmanager
def fan_out(
    folder: Path, database_url: str, s3: FakeS3, eyes: RekognitionEndpoint, keys: int
) -> Iterator[FanOut]:
    """Put so many pictures into the bucket, and begin the run."""
    for number in range(keys):
        s3.put(f"all/{number:07} ü+.png", tiny(number))
    run = FanOut(folder, database_url, s3, eyes)
    run.start()
    try:
        yield run
    finally:
        run.close()
