"""What may be spent on a detector that costs money: so many calls a day, so many a month.

The counts live in the database: exact for all processes together, and a restart loses none.
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
    """A day or a month of UTC, such as 2026-11-20 or 2026-11, and when it is over."""

    name: str
    ends: datetime


def month_of(now: datetime) -> Period:
    """
    >>> month_of(datetime(2026, 12, 31, 9, tzinfo=UTC)).ends.isoformat()
    '2027-01-01T00:00:00+00:00'
    """
    in_the_next = now.replace(day=1) + timedelta(days=32)
    return Period(f"{now:%Y-%m}", _midnight(in_the_next.replace(day=1)))


def day_of(now: datetime) -> Period:
    return Period(f"{now:%Y-%m-%d}", _midnight(now + timedelta(days=1)))


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


@dataclass(frozen=True)
class Budget:
    """The calls that may be made of one engine. Any fault of the database is ResultsUnavailable."""

    database: Database
    engine: str
    dollars_a_call: float
    daily: int
    monthly: int
    _told: set[Period] = field(default_factory=set, repr=False)
    _telling: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def take(self) -> tuple[Period, ...]:
        """Count one call, before it is made; tells where it was counted. BudgetSpent."""
        now = datetime.now(UTC)
        # Everybody takes and gives back in this order, the month before the day: so on PostgreSQL
        # nobody holds the row that another one waits for while waiting for that one's.
        month, day = month_of(now), day_of(now)
        with self.database.transaction(writing=True) as connection:  # all of it counts, or nothing
            if not self._take(connection, month, self.monthly):
                self._tell_once(month, self.monthly)
                raise BudgetSpent(
                    "We may spend only so much a month on answers. The next ones are due on {day}.",
                    day=f"{month.ends:%Y-%m-%d}",
                    seconds=_seconds(now, month.ends),
                )
            if not self._take(connection, day, self.daily):
                self._tell_once(day, self.daily)
                raise BudgetSpent(
                    "We may spend only so much a day on answers. "
                    "The next ones are due tomorrow, at 00:00 UTC.",
                    seconds=_seconds(now, day.ends),
                )
        return month, day

    def give_back(self, taken: tuple[Period, ...]) -> None:
        """A call that turned out to cost nothing, where it was counted."""
        with self.database.transaction(writing=True) as connection:
            for period in taken:
                row = and_(calls.c.engine == self.engine, calls.c.period == period.name)
                connection.execute(calls.update().where(row).values(taken=calls.c.taken - 1))

    def _take(self, connection: Connection, period: Period, most: int) -> bool:
        """One statement looks and counts, so that nobody comes in between."""
        if not most:
            return False
        values = {
            "engine": self.engine,
            "period": period.name,
            "taken": 1,
            "dollars_a_call": self.dollars_a_call,
            "most": most,
        }
        return connection.execute(_one_more(connection.dialect.name), values).first() is not None

    def _tell_once(self, period: Period, most: int) -> None:
        with self._telling:
            is_news = period not in self._told
            self._told.add(period)
        if is_news and not most:
            log.warning("%s is not asked: its budget of calls is 0.", self.engine)
        elif is_news:
            told = "%s: the %d calls of %s are spent; it is asked again from %s UTC on."
            log.warning(told, self.engine, most, period.name, f"{period.ends:%Y-%m-%d %H:%M}")


@cache
def _one_more(dialect: str) -> Executable:
    first = upsert(dialect, calls)
    one_more = first.on_conflict_do_update(
        index_elements=list(calls.primary_key),
        set_={"taken": calls.c.taken + 1, "dollars_a_call": first.excluded.dollars_a_call},
        where=calls.c.taken < bindparam("most"),
    )
    return one_more.returning(calls.c.taken)


def _seconds(now: datetime, then: datetime) -> int:
    return math.ceil((then - now).total_seconds())
