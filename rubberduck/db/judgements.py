"""What visitors said about answers: their judgements and corrections, for export."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import and_, exists, literal, or_

from rubberduck.core.models import Correction, Result
from rubberduck.db.corrections import find_corrections
from rubberduck.db.deduplication import RETAINED_FROM
from rubberduck.db.engine import to_naive_utc
from rubberduck.db.results import Results
from rubberduck.db.row_mapping import from_row
from rubberduck.db.tables import READY, corrections, duck_results

BATCH_SIZE = 500
row_of = duck_results.c


@dataclass(frozen=True)
class Judgement:
    """A result that its owner judged or corrected."""

    result: Result
    correction: Correction | None


def judgements(results: Results) -> Iterator[Judgement]:
    """Yield all judged or corrected results within the retention by ascending id, in batches.

    What their owners withdraw or delete meanwhile is still yielded until the next batch.
    """
    oldest = literal(to_naive_utc(datetime.now(UTC) - results.keep))
    is_corrected = exists().where(corrections.c.result_id == row_of.id)
    last = ""
    while True:
        query = (
            duck_results.select()
            .where(
                and_(row_of.status == READY, oldest <= RETAINED_FROM, row_of.id > last),
                or_(row_of.judged_right.is_not(None), is_corrected),
            )
            .order_by(row_of.id)
            .limit(BATCH_SIZE)
        )
        with results.database.transaction() as connection:
            rows = connection.execute(query).mappings().all()
        if not rows:
            return
        last = rows[-1]["id"]
        corrected = find_corrections(results, [row["id"] for row in rows])
        for row in rows:
            yield Judgement(from_row(dict(row)), corrected.get(row["id"]))
