"""Space the calls of an operation evenly, over all processes and machines of the site.

Amazon Rekognition takes five control calls a second of each operation and account. Jobs, the
schedule of leases and pages all make some, so no single process could keep the count. One row for
each operation has the moment of the next free call: taking it is one short transaction.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from rubberduck.db.engine import Database, to_naive_utc, upsert
from rubberduck.db.tables import leases

# Further ahead than this no caller ever waits: the row was written by a wrong clock.
MAX_AHEAD = timedelta(seconds=60)


@dataclass(frozen=True)
class CallRate:
    """`per_second` calls of each operation, whose row is named after `service`."""

    database: Database
    service: str
    per_second: float
    sleep: Callable[[float], None] = time.sleep

    def wait(self, operation: str) -> None:
        """Wait for the next free call. Raises ResultsUnavailable."""
        self.sleep(self.reserve(operation))

    def reserve(self, operation: str) -> float:
        """Take the next free call; return the seconds until then. Raises ResultsUnavailable."""
        name = f"rate {self.service}:{operation}"
        with self.database.transaction(writing=True) as connection:
            now = to_naive_utc(datetime.now(UTC))
            row = {"name": name, "holder": "", "free_at": now}
            insert = upsert(connection.dialect.name, leases).on_conflict_do_nothing()
            connection.execute(insert, row)
            query = select(leases.c.free_at).where(leases.c.name == name).with_for_update()
            free_at = connection.execute(query).scalar_one()
            slot = max(now, free_at) if free_at <= now + MAX_AHEAD else now
            next_free = slot + timedelta(seconds=1 / self.per_second)
            changed = leases.update().where(leases.c.name == name).values(free_at=next_free)
            connection.execute(changed)
        return float((slot - now).total_seconds())
