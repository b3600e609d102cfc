"""The workers: an id for each, the same after a restart, and their heartbeats in the database.

The engine gives the jobs of a dead worker back only to a worker with the same id, or to one that
asks for them by that id; and two workers with one id would run a step twice at once. So an id is
random, kept in a file, and locked by its process; the kernel frees the lock when that ends.
"""

import fcntl
import os
import secrets
import socket
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, DateTime, func, select, type_coerce

from rubberduck.db.engine import Database, upsert
from rubberduck.db.tables import job_executors

BEAT_SECONDS = 5.0
DEAD_AFTER = timedelta(seconds=20)
MAX_SLOTS = 100
row = job_executors.c


def claim_id(folder: Path) -> tuple[str, int]:
    """Return an id that no other process uses, and the descriptor that holds its lock.

    Raises OSError if the folder is not writable.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(MAX_SLOTS):
        path = folder / f"worker-{number}"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            continue
        id = os.read(descriptor, 64).decode()
        if not id:
            id = f"worker-{secrets.token_hex(8)}"
            os.write(descriptor, id.encode())
        return id, descriptor
    raise OSError(f"{MAX_SLOTS} workers already run on {folder}")


class Executors:
    """The heartbeats, by the database's clock: the machines' own may differ by more than a beat."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def beat(self, id: str) -> None:
        """Say that the worker lives."""
        self._save(id, self._now())

    def leave(self, id: str) -> None:
        """Say that the worker has ended, so that others take its jobs over at once."""
        self._save(id, datetime(2000, 1, 1))

    def living(self) -> list[str]:
        return self._ids(row.heartbeat_at >= self._oldest())

    def dead(self) -> list[str]:
        return self._ids(row.heartbeat_at < self._oldest())

    def forget(self, id: str) -> None:
        """Delete a dead worker's row; one that beats again makes a new one."""
        gone = job_executors.delete().where(row.id == id, row.heartbeat_at < self._oldest())
        with self.database.transaction(writing=True) as connection:
            connection.execute(gone)

    def _save(self, id: str, heartbeat_at: Any) -> None:
        values = {"id": id, "host": socket.gethostname()[:200], "heartbeat_at": heartbeat_at}
        with self.database.transaction(writing=True) as connection:
            new = upsert(connection.dialect.name, job_executors).values(values)
            connection.execute(
                new.on_conflict_do_update(
                    index_elements=[row.id], set_={"heartbeat_at": heartbeat_at}
                )
            )

    def _ids(self, where: ColumnElement[bool]) -> list[str]:
        with self.database.transaction() as connection:
            return list(connection.execute(select(row.id).where(where).order_by(row.id)).scalars())

    def _now(self) -> ColumnElement[Any]:
        if self._is_sqlite():
            return func.strftime("%Y-%m-%d %H:%M:%f000", "now")
        return func.timezone("UTC", func.clock_timestamp())

    def _oldest(self) -> ColumnElement[Any]:
        if self._is_sqlite():
            ago = f"-{DEAD_AFTER.total_seconds():g} seconds"
            return type_coerce(func.strftime("%Y-%m-%d %H:%M:%f000", "now", ago), DateTime)
        return func.timezone("UTC", func.clock_timestamp()) - DEAD_AFTER

    def _is_sqlite(self) -> bool:
        return self.database.engine.dialect.name == "sqlite"
