"""What storing faces at Amazon costs: entered once for each face, for as long as it is kept."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from rubberduck.billing.ledger import Entry

if TYPE_CHECKING:
    from rubberduck.billing.ledger import Ledger
    from rubberduck.billing.prices import Price
    from rubberduck.db.indexed_people import IndexedPerson

SERVICE = "Amazon Rekognition face storage"
MONTH = timedelta(days=30)


@dataclass(frozen=True)
class FaceCharges:
    """`price` is for a face and a month. Raises ResultsUnavailable."""

    ledger: "Ledger"
    price: "Price"

    def charge(self, person: "IndexedPerson", face_ids: Iterable[str]) -> None:
        """Enter what the faces cost until they expire. They are stored already: not limited."""
        now = datetime.now(UTC)
        months = max(1, math.ceil((person.expires_at - now) / MONTH))
        for face_id in sorted(face_ids):
            what = f"one face for {months} months"
            entry = Entry(f"face-storage {face_id}", now, SERVICE, what, self.price.of(months))
            self.ledger.charge(entry, is_limited=False)
