"""What whole videos at Amazon cost: entered before each start, taken back if nothing started."""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime

from rubberduck.billing.ledger import Entry, Ledger

log = logging.getLogger(__name__)
SERVICE = "Amazon Rekognition Video"


@dataclass(frozen=True)
class VideoCharges:
    """Enters each start once, by its token. Raises ResultsUnavailable.

    What a job of the service's that fails costs is written nowhere, so it stays entered.
    """

    ledger: Ledger

    def charge(self, token: str, microdollars: int, what: str) -> None:
        """Enter the price of a start that is about to be made; again, it changes nothing.

        Raises SpendingLimitReached, and then enters nothing.
        """
        entry = Entry(_key(token), datetime.now(UTC), SERVICE, what[:200], microdollars)
        if self.ledger.charge(entry):
            log.info("video billed what=%r microdollars=%d", what, microdollars)

    def refund(self, token: str) -> None:
        """Take back the price of a start that was refused. Its token must not be used again."""
        if not self.ledger.spent_on(_key(token)):
            return
        self.ledger.refund(_key(token))


def _key(token: str) -> str:
    return f"rekognition-video {token}"
