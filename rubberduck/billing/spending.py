"""What was spent on engines that cost money, and what this month will cost."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import RowMapping, select

from rubberduck.billing.budget import day_of, month_of
from rubberduck.db.engine import Database
from rubberduck.db.tables import calls

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Spent:
    """The calls of a day or a month."""

    period: str
    calls: int
    budget: int
    left: int
    dollars: float


@dataclass(frozen=True)
class Spending:
    """One engine's calls today and this month, and what the month will come to."""

    engine: str
    dollars_a_call: float
    today: Spent
    month: Spent
    forecast_calls: int
    forecast_dollars: float


def read_spending(
    database: Database, prices: Mapping[str, float], daily: int, monthly: int
) -> list[Spending]:
    """Of every engine that was called this month, and of those in `prices`: dollars a call.

    One that has no price here is switched off: it keeps that of its calls, and gets no more.
    """
    now = datetime.now(UTC)
    limits = {day_of(now).name: daily, month_of(now).name: monthly}
    rows = _rows(database, limits)
    taken = {(row["engine"], row["period"]): row["taken"] for row in rows}
    known = {row["engine"]: row["dollars_a_call"] for row in rows} | dict(prices)
    spendings = []
    for engine, price in sorted(known.items()):
        today, month = (
            _spent(period, taken.get((engine, period), 0), budget, price)
            for period, budget in limits.items()
        )
        most = forecast(month.calls, now, daily, monthly) if engine in prices else month.calls
        spendings.append(Spending(engine, price, today, month, most, _dollars(most, price)))
    return spendings


def _rows(database: Database, periods: Iterable[str]) -> Sequence[RowMapping]:
    with database.transaction() as connection:
        query = select(calls).where(calls.c.period.in_(periods))
        return connection.execute(query).mappings().all()


def _spent(period: str, calls: int, budget: int, price: float) -> Spent:
    return Spent(period, calls, budget, max(budget - calls, 0), _dollars(calls, price))


def _dollars(calls: int, price: float) -> float:
    return round(calls * price, 6)  # as exact as prices are


def forecast(calls: int, now: datetime, daily: int, monthly: int) -> int:
    """The month's calls, if every day to come has as many as those so far had, on average.

    Never more than the budgets allow.

    >>> forecast(100, datetime(2026, 11, 11, tzinfo=UTC), daily=1000, monthly=10_000)
    300
    >>> forecast(100, datetime(2026, 11, 11, tzinfo=UTC), daily=1000, monthly=250)
    250
    """
    ends = month_of(now).ends
    begins = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    a_day = min(calls / max((now - begins) / DAY, 1), daily)
    return max(calls, min(round(calls + a_day * ((ends - now) / DAY)), monthly))
