"""Daily and monthly limits on billed calls.

The counts are in the database: exact across processes, and durable.
"""

import logging
import math
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache

from sqlalchemy import Connection, Executable, and_, bindparam

from rubberduck.billing.errors import SpendingLimitReached
from rubberduck.billing.ledger import Ledger
from rubberduck.billing.periods import Period, day_of, month_of
from rubberduck.core.errors import BudgetSpent
from rubberduck.db.engine import Database, upsert
from rubberduck.db.tables import calls

log = logging.getLogger(__name__)
MICRODOLLARS = 1_000_000


@dataclass(frozen=True)
class Budget:
    """Limits the calls to one engine. Raises ResultsUnavailable when the database fails.

    With a `ledger`, its limits on the spending of all services apply too.
    """

    database: Database
    engine: str
    dollars_a_call: float
    daily: int
    monthly: int
    ledger: Ledger | None = None
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
                raise _month_spent(now, month)
            if not self._increment(connection, day, self.daily):
                self._log_once(day, self.daily)
                raise _day_spent(now, day)
            if self.ledger:
                try:
                    self.ledger.add_calls(connection, (month, day), self._microdollars)
                except SpendingLimitReached as error:
                    is_month = error.period == month.name
                    raise (_month_spent(now, month) if is_month else _day_spent(now, day)) from None
        return month, day

    def refund(self, reserved: tuple[Period, ...]) -> None:
        """Uncount a call that was not billed, in the periods that `reserve` returned."""
        with self.database.transaction(writing=True) as connection:
            for period in reserved:
                row = and_(calls.c.engine == self.engine, calls.c.period == period.name)
                connection.execute(calls.update().where(row).values(taken=calls.c.taken - 1))
            if self.ledger:
                self.ledger.add_calls(connection, reserved, -self._microdollars)

    @property
    def _microdollars(self) -> int:
        return math.ceil(round(self.dollars_a_call * MICRODOLLARS, 3))

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


def _month_spent(now: datetime, month: Period) -> BudgetSpent:
    return BudgetSpent(
        "This month's budget is used up. New answers are available on {day}.",
        day=f"{month.ends:%Y-%m-%d}",
        seconds=_seconds(now, month.ends),
    )


def _day_spent(now: datetime, day: Period) -> BudgetSpent:
    return BudgetSpent(
        "Today's budget is used up. New answers are available tomorrow from 00:00 UTC.",
        seconds=_seconds(now, day.ends),
    )


def _seconds(now: datetime, then: datetime) -> int:
    return math.ceil((then - now).total_seconds())
