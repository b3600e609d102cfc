"""What trainings at Amazon cost: an hour is entered before one begins, then what it really took."""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime

from rubberduck.billing.ledger import Entry, Ledger
from rubberduck.billing.prices import Price

log = logging.getLogger(__name__)
TRAINING = "custom-labels-training"
HOUR = 3600  # seconds


@dataclass(frozen=True)
class TrainingCosts:
    """Enters each training once, by its version's id. Raises ResultsUnavailable.

    `price` is for an hour.
    """

    ledger: Ledger
    price: Price

    def require_room(self) -> None:
        """Raise SpendingLimitReached if not even one hour can be paid."""
        self.ledger.require_room(self.price.of(1))

    def reserve(self, version_id: str, what: str, project_id: str) -> None:
        """Enter one hour, unless it is entered already. Raises SpendingLimitReached."""
        key = _reserved(version_id)
        if self.ledger.spent_on(key) > 0:
            return
        now = datetime.now(UTC)
        # A row for each day: `release` takes back from the day that it was entered for.
        entry = self._entry(f"{key}{now:%Y-%m-%d}", now, what, self.price.of(1), project_id)
        with self.ledger.database.transaction(writing=True) as connection:
            self.ledger.add(connection, [entry], is_limited=True)

    def release(self, version_id: str) -> None:
        """Take back what was reserved."""
        for key in self.ledger.keys(_reserved(version_id)):
            self.ledger.refund(key)

    def charge(self, version_id: str, seconds: int, what: str, project_id: str) -> int:
        """Enter what it cost, once, in place of what was reserved; return the microdollars."""
        cost, now = self.price.of(seconds / HOUR), datetime.now(UTC)
        entry = self._entry(f"{TRAINING} {version_id}", now, what, cost, project_id)
        if self.ledger.charge(entry, is_limited=False):  # it is spent already
            log.info("training billed version=%s seconds=%d", version_id, seconds)
        self.release(version_id)
        return cost

    @staticmethod
    def _entry(key: str, at: datetime, what: str, microdollars: int, project_id: str) -> Entry:
        return Entry(key, at, TRAINING, what[:200], microdollars, project_id)


def _reserved(version_id: str) -> str:
    """Return what the keys of all reservations for a version begin with."""
    return f"{TRAINING} reserved {version_id} "
