"""What was spent on engines that cost money, and what this month will cost."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from rubberduck.budget import day_of, month_of
from rubberduck.database import Database, calls

A_DAY = timedelta(days=1)


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
    today, month = day_of(now).name, month_of(now).name
    with database.transaction() as connection:
        query = select(calls).where(calls.c.period.in_([today, month]))
        rows = connection.execute(query).mappings().all()
    taken = {(row["engine"], row["period"]): row["taken"] for row in rows}
    known = {row["engine"]: row["dollars_a_call"] for row in rows} | dict(prices)

    def spending(engine: str, price: float) -> Spending:
        of_today = _spent(today, taken.get((engine, today), 0), daily, price)
        of_month = _spent(month, taken.get((engine, month), 0), monthly, price)
        comes_to = of_month.calls
        if engine in prices:
            comes_to = forecast(comes_to, now, daily, monthly)
        return Spending(engine, price, of_today, of_month, comes_to, _dollars(comes_to, price))

    return [spending(engine, price) for engine, price in sorted(known.items())]


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
    a_day = min(calls / max((now - begins) / A_DAY, 1), daily)
    return max(calls, min(round(calls + a_day * ((ends - now) / A_DAY)), monthly))
