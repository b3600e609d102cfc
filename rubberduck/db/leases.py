"""Leases: what one of all processes does at a time, such as the sweep.

They are rows and not PostgreSQL's session locks, which PgBouncer in transaction mode loses, and
which SQLite lacks.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, and_, select

from rubberduck.db.engine import Database, to_naive_utc, upsert
from rubberduck.db.tables import leases
from rubberduck.db.workers import has_ended, own_id


@dataclass(frozen=True)
class Lease:
    """The right to do `name`, for `lasts` at a time, and again `interval` after its last end.

    It belongs to a process, whose threads must not compete for it. One whose process ended without
    releasing it is free when it runs out, on the same machine at once. Every method raises
    ResultsUnavailable when the database fails.
    """

    database: Database
    name: str
    lasts: timedelta
    interval: timedelta

    def acquire(self, *, early: bool = False) -> bool:
        """Take the lease if it is due; with `early`, also before that, unless somebody has it."""
        with self.database.transaction(writing=True) as connection:
            row = connection.execute(
                select(leases).where(leases.c.name == self.name).with_for_update()
            ).first()
            if row is None:
                return self._insert(connection)
            if not (self._is_due(row) or _is_abandoned(row) or (early and not row.holder)):
                return False
            connection.execute(leases.update().where(leases.c.name == self.name), self._held())
            return True

    def extend(self) -> bool:
        """Hold the lease for `lasts` from now on. Return False if another process has taken it."""
        return self._update(self._held())

    def release(self, outcome: str | None = None, after: timedelta | None = None) -> None:
        """Let it be due after `interval`, or `after`; keep the outcome for the other processes."""
        free_at = _now() + (self.interval if after is None else after)
        self._update({"holder": "", "free_at": free_at, "outcome": outcome})

    def outcome(self) -> str | None:
        """Return the outcome of the last run, if there was one."""
        with self.database.transaction() as connection:
            return connection.scalar(select(leases.c.outcome).where(leases.c.name == self.name))

    def _insert(self, connection: Connection) -> bool:
        values = {"name": self.name, **self._held()}
        insert = upsert(connection.dialect.name, leases).on_conflict_do_nothing()
        return connection.execute(insert.returning(leases.c.name), values).first() is not None

    def _held(self) -> dict[str, Any]:
        return {"holder": own_id(), "free_at": _now() + self.lasts}

    def _update(self, values: dict[str, Any]) -> bool:
        is_ours = and_(leases.c.name == self.name, leases.c.holder == own_id())
        with self.database.transaction(writing=True) as connection:
            return bool(connection.execute(leases.update().where(is_ours), values).rowcount)

    def _is_due(self, row: Row[Any]) -> bool:
        # Also if it lies further ahead than any run can set it: a clock was wrong.
        return not _now() < row.free_at <= _now() + max(self.lasts, self.interval)


def _is_abandoned(row: Row[Any]) -> bool:
    return bool(row.holder) and (row.holder == own_id() or bool(has_ended(row.holder)))


def _now() -> datetime:
    return to_naive_utc(datetime.now(UTC))
