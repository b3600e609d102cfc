"""The ledger: what was spent on all services, and the limits in US dollars a day and a month.

All of it is in the database, so that it is exact across processes and survives them. An amount is
entered before it is spent; what was not spent is taken back. Rows are locked in one order, so that
nothing deadlocks: other tables, the ledger by key, the totals of months, those of days.
"""

import logging
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Executable, RowMapping, bindparam, select

from rubberduck.billing.errors import SpendingLimitReached
from rubberduck.billing.periods import Period, day_of, month_of
from rubberduck.billing.prices import MICRODOLLARS
from rubberduck.db.engine import Database, to_naive_utc, upsert
from rubberduck.db.tables import ledger, ledger_totals

if TYPE_CHECKING:
    from rubberduck.billing.prices import Prices
    from rubberduck.core.settings import Settings

log = logging.getLogger(__name__)
NEWEST = 100


@dataclass(frozen=True)
class Entry:
    """An amount in millionths of a US dollar, for what was, or will be, used at `at` (UTC)."""

    key: str
    at: datetime
    service: str
    what: str
    microdollars: int
    project_id: str | None = None


@dataclass(frozen=True)
class Limits:
    """The most that may be spent on all services, in millionths of a US dollar."""

    daily: int
    monthly: int

    def of(self, period: Period) -> int:
        return self.monthly if len(period.name) == len("2026-11") else self.daily


@dataclass(frozen=True)
class Spending:
    """What all services cost in a period against its limit, in millionths of a US dollar."""

    period: str
    spent: int
    limit: int

    @property
    def left(self) -> int:
        return max(self.limit - self.spent, 0)


NO_CALLS_USD = {"daily": 20, "monthly": 200}  # limits beside what the limited calls may cost


def limits_of(settings: "Settings", prices: "Prices") -> Limits:
    """Return DUCK_DAILY_USD and DUCK_MONTHLY_USD.

    The defaults leave room for all calls that DUCK_DAILY_CALLS and DUCK_MONTHLY_CALLS allow, which
    keep their meaning.
    """
    call = prices["detect-labels"].of(1)
    daily, monthly = (
        NO_CALLS_USD[name] * MICRODOLLARS + calls * call if usd is None else _micro(usd)
        for name, usd, calls in (
            ("daily", settings.daily_usd, settings.daily_calls),
            ("monthly", settings.monthly_usd, settings.monthly_calls),
        )
    )
    return Limits(daily, monthly)


def _micro(usd: float) -> int:
    return round(usd * MICRODOLLARS)


class Ledger:
    """Enters amounts within the limits. Raises ResultsUnavailable when the database fails."""

    def __init__(self, database: Database, limits: Limits) -> None:
        self.database = database
        self.limits = limits
        self._logged: set[str] = set()  # periods: one line each

    def charge(self, entry: Entry, *, is_limited: bool = True) -> bool:
        """Enter the amount, once for each key. Return False if the key has been charged before.

        Raises SpendingLimitReached, and then enters nothing. What has been used already is not
        `is_limited`: it is entered in any case.
        """
        with self.database.transaction(writing=True) as connection:
            return self.charge_within(connection, entry, is_limited=is_limited)

    def charge_within(
        self, connection: Connection, entry: Entry, *, is_limited: bool = True
    ) -> bool:
        """Do `charge` as a part of the caller's transaction."""
        values = vars(entry) | {"at": to_naive_utc(entry.at)}
        new = upsert(connection.dialect.name, ledger).on_conflict_do_nothing()
        if connection.execute(new.returning(ledger.c.key), values).first() is None:
            return False
        self._add_to_totals(connection, [entry], is_limited)
        return True

    def refund(self, key: str) -> int:
        """Take back what was charged for `key` and not spent; return the amount, 0 if none was."""
        with self.database.transaction(writing=True) as connection:
            query = select(ledger).where(ledger.c.key == key).with_for_update()
            row = connection.execute(query).mappings().first()
            if row is None:
                return 0
            entry = _entry(row)
            back = replace(entry, microdollars=-entry.microdollars)
            self.add(connection, [back], is_limited=False)
            return entry.microdollars

    def add(self, connection: Connection, entries: Iterable[Entry], *, is_limited: bool) -> None:
        """Add amounts, also negative ones, to the rows of their keys; for meters.

        The caller's transaction makes sure that each is added once. Raises SpendingLimitReached.
        """
        added = sorted((entry for entry in entries if entry.microdollars), key=_key)
        for entry in added:
            values = vars(entry) | {"at": to_naive_utc(entry.at)}
            connection.execute(_add_statement(connection.dialect.name), values)
        self._add_to_totals(connection, added, is_limited)

    def add_calls(
        self, connection: Connection, periods: Iterable[Period], microdollars: int
    ) -> None:
        """Count a billed call in the totals: it has no row of its own. Raises as `add` does."""
        for period in _in_lock_order(periods):
            self._add_to_total(connection, period, microdollars, microdollars > 0)

    def totals(self) -> tuple[Spending, Spending]:
        """Return what was spent today and this month (UTC)."""
        now = datetime.now(UTC)
        periods = day_of(now), month_of(now)
        spent = self._spent([period.name for period in periods])
        today, month = (
            Spending(period.name, spent.get(period.name, 0), self.limits.of(period))
            for period in periods
        )
        return today, month

    def _spent(self, periods: Iterable[str]) -> Mapping[str, int]:
        query = select(ledger_totals).where(ledger_totals.c.period.in_(list(periods)))
        with self.database.transaction() as connection:
            return {row.period: row.microdollars for row in connection.execute(query)}

    def require_room(self, microdollars: int) -> None:
        """Raise SpendingLimitReached if this would exceed a limit now; nothing is entered."""
        now = datetime.now(UTC)
        periods = month_of(now), day_of(now)
        spent = self._spent([period.name for period in periods])
        for period in periods:
            if spent.get(period.name, 0) + microdollars > (limit := self.limits.of(period)):
                raise self._limit_reached(period, limit)

    def newest(self, limit: int = NEWEST) -> list[Entry]:
        """Return the newest entries, the newest first, without those that were taken back."""
        query = select(ledger).where(ledger.c.microdollars != 0)
        query = query.order_by(ledger.c.at.desc(), ledger.c.key).limit(limit)
        with self.database.transaction() as connection:
            rows = connection.execute(query).mappings().all()
        return list(map(_entry, rows))

    def keys(self, prefix: str) -> list[str]:
        """Return the keys that begin with `prefix`."""
        query = select(ledger.c.key).where(ledger.c.key.startswith(prefix, autoescape=True))
        with self.database.transaction() as connection:
            return [*connection.scalars(query.order_by(ledger.c.key))]

    def spent_on(self, prefix: str, day: datetime | None = None) -> int:
        """Return the sum of the entries whose key begins with `prefix`, of one day if given."""
        keys = ledger.c.key.startswith(prefix, autoescape=True)
        query = select(ledger.c.microdollars, ledger.c.at).where(keys)
        with self.database.transaction() as connection:
            rows = connection.execute(query).all()
        return sum(row.microdollars for row in rows if day is None or row.at.date() == day.date())

    def _add_to_totals(
        self, connection: Connection, entries: Iterable[Entry], is_limited: bool
    ) -> None:
        sums: dict[Period, int] = defaultdict(int)
        for entry in entries:
            for period in (month_of(entry.at), day_of(entry.at)):
                sums[period] += entry.microdollars
        for period in _in_lock_order(sums):
            self._add_to_total(connection, period, sums[period], is_limited and sums[period] > 0)

    def _add_to_total(
        self, connection: Connection, period: Period, microdollars: int, is_limited: bool
    ) -> None:
        if not microdollars:
            return
        limit = self.limits.of(period)
        values = {
            "period": period.name,
            "microdollars": microdollars,
            "limit": limit if is_limited else 2**62,
        }
        # The first amount of a period meets no row that could refuse it.
        fits = not is_limited or microdollars <= limit
        statement = _total_statement(connection.dialect.name)
        if not fits or connection.execute(statement, values).first() is None:
            raise self._limit_reached(period, limit)

    def _limit_reached(self, period: Period, limit: int) -> SpendingLimitReached:
        amount = f"{limit / MICRODOLLARS:,.2f}"
        if period.name not in self._logged:
            self._logged.add(period.name)
            log.warning("spending limit reached period=%s limit_usd=%s", period.name, amount)
        seconds = max(1, math.ceil((period.ends - datetime.now(UTC)).total_seconds()))
        return SpendingLimitReached(period.name, amount, seconds)


def _entry(row: RowMapping) -> Entry:
    return Entry(**dict(row) | {"at": row["at"].replace(tzinfo=UTC)})


def _key(entry: Entry) -> str:
    return entry.key


def _in_lock_order(periods: Iterable[Period]) -> list[Period]:
    """Return months before days, as budget.py locks them."""
    return sorted(set(periods), key=lambda period: (len(period.name), period.name))


@cache
def _total_statement(dialect: str) -> Executable:
    first = upsert(dialect, ledger_totals)
    sum = ledger_totals.c.microdollars + first.excluded.microdollars
    return first.on_conflict_do_update(
        index_elements=[ledger_totals.c.period],
        set_={"microdollars": sum},
        where=sum <= bindparam("limit"),
    ).returning(ledger_totals.c.microdollars)


@cache
def _add_statement(dialect: str) -> Executable:
    first = upsert(dialect, ledger)
    return first.on_conflict_do_update(
        index_elements=[ledger.c.key],
        set_={"microdollars": ledger.c.microdollars + first.excluded.microdollars},
    )
