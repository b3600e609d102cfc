"""Daily and monthly limits on billed calls.

The counts are in the database: exact across processes, and durable.
"""

import logging
import math
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache

from sqlalchemy import Connection, Executable, and_, bindparam

from rubberduck.core.errors import BudgetSpent
from rubberduck.db.engine import Database, upsert
from rubberduck.db.tables import calls

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Period:
    """A day or month in UTC, such as 2026-11-20 or 2026-11, and its end."""

    name: str
    ends: datetime


def month_of(now: datetime) -> Period:
    """
    >>> month_of(datetime(2026, 12, 31, 9, tzinfo=UTC)).ends.isoformat()
    '2027-01-01T00:00:00+00:00'
    """
    next_month = now.replace(day=1) + timedelta(days=32)
    return Period(f"{now:%Y-%m}", _midnight(next_month.replace(day=1)))


def day_of(now: datetime) -> Period:
    return Period(f"{now:%Y-%m-%d}", _midnight(now + timedelta(days=1)))


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


@dataclass(frozen=True)
class Budget:
    """Limits the calls to one engine. Raises ResultsUnavailable when the database fails."""

    database: Database
    engine: str
    dollars_a_call: float
    daily: int
    monthly: int
    _logged: set[Period] = field(default_factory=set, repr=False)
    _log_lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def reserve(self) -> tuple[Period, ...]:
        """Count one call before it is made. Return the periods charged. Raises BudgetSpent."""
        now = datetime.now(UTC)
        # Always the month before the day: one lock order, so no deadlocks on PostgreSQL.
        month, day = month_of(now), day_of(now)
        with self.database.transaction(writing=True) as connection:  # both counts, or none
            if not self._increment(connection, month, self.monthly):
                self._log_once(month, self.monthly)
                raise BudgetSpent(
                    "This month's budget is used up. New answers are available on {day}.",
                    day=f"{month.ends:%Y-%m-%d}",
                    seconds=_seconds(now, month.ends),
                )
            if not self._increment(connection, day, self.daily):
                self._log_once(day, self.daily)
                raise BudgetSpent(
                    "Today's budget is used up. New answers are available tomorrow from 00:00 UTC.",
                    seconds=_seconds(now, day.ends),
                )
        return month, day

    def refund(self, reserved: tuple[Period, ...]) -> None:
        """Uncount a call that was not billed, in the periods that `reserve` returned."""
        with self.database.transaction(writing=True) as connection:
            for period in reserved:
                row = and_(calls.c.engine == self.engine, calls.c.period == period.name)
                connection.execute(calls.update().where(row).values(taken=calls.c.taken - 1))

    def _increment(self, connection: Connection, period: Period, limit: int) -> bool:
        """Increment the count if it is below `limit`, atomically. Return whether it was."""
        if not limit:
            return False
        values = {
            "engine": self.engine,
            "period": period.name,
            "taken": 1,
            "dollars_a_call": self.dollars_a_call,
            "limit": limit,
        }
        return (
            connection.execute(_increment_statement(connection.dialect.name), values).first()
            is not None
        )

    def _log_once(self, period: Period, limit: int) -> None:
        with self._log_lock:
            is_logged = period in self._logged
            self._logged.add(period)
        if not is_logged:
            message = "budget spent engine=%s period=%s calls=%d until=%s"
            log.warning(message, self.engine, period.name, limit, f"{period.ends:%Y-%m-%dT%H:%MZ}")


@cache
def _increment_statement(dialect: str) -> Executable:
    first = upsert(dialect, calls)
    statement = first.on_conflict_do_update(
        index_elements=list(calls.primary_key),
        set_={"taken": calls.c.taken + 1, "dollars_a_call": first.excluded.dollars_a_call},
        where=calls.c.taken < bindparam("limit"),
    )
    return statement.returning(calls.c.taken)


def _seconds(now: datetime, then: datetime) -> int:
    return math.ceil((then - now).total_seconds())
