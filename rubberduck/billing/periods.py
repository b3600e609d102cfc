"""The periods that budgets and the ledger count in: days and months of UTC."""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True)
class Period:
    """A day or month in UTC, such as 2026-11-20 or 2026-11, and its end."""

    name: str
    ends: datetime


def month_of(now: datetime) -> Period:
    """
    >>> from datetime import UTC
    >>> month_of(datetime(2026, 12, 31, 9, tzinfo=UTC)).ends.isoformat()
    '2027-01-01T00:00:00+00:00'
    """
    next_month = now.replace(day=1) + timedelta(days=32)
    return Period(f"{now:%Y-%m}", _midnight(next_month.replace(day=1)))


def day_of(now: datetime) -> Period:
    return Period(f"{now:%Y-%m-%d}", _midnight(now + timedelta(days=1)))


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)
