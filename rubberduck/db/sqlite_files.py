"""The files of a SQLite database: in-use lock, integrity check, replacement, checkpoint.

SQLite itself offers no way to see whether another process has a database open in WAL mode, so each
process of the site holds a shared flock beside it, and a restore takes an exclusive one.
"""

import fcntl
import os
import sqlite3
import weakref
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from rubberduck.core.errors import ResultsUnavailable

COMPANIONS = ("-wal", "-shm", "-journal")
RESTORED = ".restored"  # this file is as old as the last restore
MAGIC = b"SQLite format 3\0"


class DatabaseInUse(Exception):
    """Another process has the database open."""


class DamagedDatabase(Exception):
    """The file is not a healthy SQLite database; the message says what SQLite found."""


def beside(file: Path, suffix: str) -> Path:
    return file.with_name(file.name + suffix)


class InUseLock:
    """A shared lock of this process on a database; the kernel frees it when the process ends."""

    def __init__(self, file: Path) -> None:
        self._path = beside(file, ".in-use")
        self._owner = 0  # process id: a fork does not count as holding it
        self.release: weakref.finalize[..., InUseLock] = weakref.finalize(self, int)

    def acquire(self) -> None:
        """Take the lock unless held. Raises ResultsUnavailable during a restore."""
        if self._owner == os.getpid() and self.release.alive:
            return
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError:  # a missing or read-only folder; opening the database reports it
            return
        self.release()
        self.release, self._owner = weakref.finalize(self, os.close, descriptor), os.getpid()
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            self.release()
            raise ResultsUnavailable(
                "The results database is unavailable.",
                cause="a backup is being restored; try again when `flask restore` has ended",
            ) from None


@contextmanager
def exclusive(file: Path) -> Iterator[None]:
    """Hold the database alone. Raises DatabaseInUse while a process of the site has it open."""
    with beside(file, ".in-use").open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise DatabaseInUse from None
        yield


def check_integrity(file: Path) -> str:
    """Run PRAGMA quick_check, and return the Alembic revision. Raises DamagedDatabase."""
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as database:
            found = [row[0] for row in database.execute("PRAGMA quick_check")]
            if found != ["ok"]:
                raise DamagedDatabase("; ".join(found[:3]))
            return str(database.execute("SELECT version_num FROM alembic_version").fetchone()[0])
    except (sqlite3.Error, TypeError) as error:
        raise DamagedDatabase(str(error)) from None


def replace_database(new: Path, file: Path) -> Path | None:
    """Put `new` in the place of `file`, with `exclusive` held. Return where the old one went.

    The old file moves together with its -wal and -shm: SQLite would replay a log that stayed behind
    into the new file.
    """
    aside = None
    if file.exists():
        aside = beside(file, f".before-restore-{datetime.now(UTC):%Y%m%dT%H%M%S}")
        for suffix in COMPANIONS:
            if beside(file, suffix).exists():
                os.replace(beside(file, suffix), beside(aside, suffix))
        os.replace(file, aside)
    for suffix in COMPANIONS:
        beside(file, suffix).unlink(missing_ok=True)
    os.replace(new, file)
    return aside


def restored_at(file: Path) -> datetime | None:
    """Return when the database was last restored from a backup, if ever."""
    try:
        return datetime.fromtimestamp(beside(file, RESTORED).stat().st_mtime, UTC)
    except OSError:
        return None


def checkpoint(file: Path) -> bool:
    """Write the WAL into the database and empty it. Return False while it is in use."""
    if not file.exists():
        return True
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=rw", uri=True)) as database:
            busy, *_ = database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.Error:  # locked or damaged; `flask check` reports it
        return False
    return not busy
