"""The meter of running models: whole minutes of UTC, entered in the ledger before they are used.

While a model starts or runs, the next AHEAD minutes are in the ledger: long enough to stop it when
the limit does not allow more. What was not used is taken back when the model is seen stopped. The
amounts of neighbouring intervals add up to exactly that of the whole.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from rubberduck.billing.ledger import Entry
from rubberduck.billing.periods import day_of
from rubberduck.billing.prices import Price
from rubberduck.custom_models.life import Life

MINUTE = timedelta(minutes=1)
AHEAD = 10 * MINUTE
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SERVICE = "Amazon Rekognition Custom Labels"


@dataclass(frozen=True)
class Meter:
    """`price` is for an hour of one unit."""

    price: Price

    def entries(self, life: Life, start: datetime, end: datetime) -> Iterator[Entry]:
        """Yield an entry for each day between two whole minutes; a run has one row a day."""
        run = life.started_at or start
        while start < end:
            until = min(end, day_of(start).ends)
            yield Entry(
                key=f"{run_key(life)}{run:%Y-%m-%dT%H:%M:%S} {start:%Y-%m-%d}",
                at=start,
                service=SERVICE,
                what=f"model {life.title}, {life.units} unit{'s'[: life.units > 1]}, running"[:200],
                microdollars=self._up_to(until, life.units) - self._up_to(start, life.units),
                project_id=life.project_id,
            )
            start = until

    def back(self, life: Life, start: datetime, end: datetime) -> Iterator[Entry]:
        """Yield the entries that take an interval back."""
        for entry in self.entries(life, start, end):
            yield replace(entry, microdollars=-entry.microdollars)

    def per_hour(self, units: int) -> int:
        """Return the millionths of a US dollar for an hour."""
        return self.price.of(units)

    def _up_to(self, moment: datetime, units: int) -> int:
        return self.per_hour(units) * ((moment - EPOCH) // MINUTE) // 60


def run_key(life: Life) -> str:
    """Return what the ledger's keys of all runs of the model begin with."""
    return f"model {life.id} "


def floor_minute(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)


def ceil_minute(moment: datetime) -> datetime:
    """
    >>> ceil_minute(datetime(2026, 11, 29, 23, 59, 1)).isoformat()
    '2026-11-30T00:00:00'
    """
    whole = floor_minute(moment)
    return whole if whole == moment else whole + MINUTE
