"""Report of billed calls: today, this month, and a forecast."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import RowMapping, select

from rubberduck.billing.periods import day_of, month_of
from rubberduck.db.engine import Database
from rubberduck.db.tables import calls

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Spent:
    """The calls of a day or a month against its budget."""

    period: str
    calls: int
    budget: int
    left: int
    dollars: float


@dataclass(frozen=True)
class Spending:
    """One engine's calls today and this month, and the forecast for the month."""

    engine: str
    dollars_a_call: float
    today: Spent
    month: Spent
    forecast_calls: int
    forecast_dollars: float


def read_spending(
    database: Database, prices: Mapping[str, float], daily: int, monthly: int
) -> list[Spending]:
    """Return the spending of every engine called this month or listed in `prices` (USD per call).

    An engine without a price here is switched off: its forecast is what it has spent.
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
        forecast_calls = (
            forecast(month.calls, now, daily, monthly) if engine in prices else month.calls
        )
        spendings.append(
            Spending(engine, price, today, month, forecast_calls, _dollars(forecast_calls, price))
        )
    return spendings


def calls_left(database: Database, engine: str, daily: int, monthly: int) -> int:
    """Return how many more calls to `engine` today's and this month's budget allow."""
    spendings = read_spending(database, {engine: 0.0}, daily, monthly)
    own = next(spending for spending in spendings if spending.engine == engine)
    return min(own.today.left, own.month.left)


def spent_on(database: Database, moment: datetime) -> dict[str, Spent]:
    """Return what each engine cost on that day (UTC), without a budget: nothing is left."""
    rows = _rows(database, [day_of(moment).name])
    return {
        row["engine"]: _spent(row["period"], row["taken"], 0, row["dollars_a_call"]) for row in rows
    }


def _rows(database: Database, periods: Iterable[str]) -> Sequence[RowMapping]:
    with database.transaction() as connection:
        query = select(calls).where(calls.c.period.in_(periods))
        return connection.execute(query).mappings().all()


def _spent(period: str, calls: int, budget: int, price: float) -> Spent:
    return Spent(period, calls, budget, max(budget - calls, 0), _dollars(calls, price))


def _dollars(calls: int, price: float) -> float:
    return round(calls * price, 6)  # the precision of the prices


def forecast(calls: int, now: datetime, daily: int, monthly: int) -> int:
    """Extrapolate the month's calls from the daily average so far, within the budgets.

    >>> forecast(100, datetime(2026, 11, 11, tzinfo=UTC), daily=1000, monthly=10_000)
    300
    >>> forecast(100, datetime(2026, 11, 11, tzinfo=UTC), daily=1000, monthly=250)
    250
    """
    end = month_of(now).ends
    start = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    per_day = min(calls / max((now - start) / DAY, 1), daily)
    return max(calls, min(round(calls + per_day * ((end - now) / DAY)), monthly))
