"""Fill databases with results: one real row, and any number of rows derived from it."""

import secrets
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice

from sqlalchemy import insert, select, text

from rubberduck.aws.labels import label_from
from rubberduck.core.models import Answer, Result, Upload
from rubberduck.core.rules import RUBBER_DUCK, judge
from rubberduck.db.results import Results
from rubberduck.db.tables import duck_results
from tests.support.recordings import recorded
from tests.support.stored_results import sample_result, sample_upload

LABELS = [label_from(each) for each in recorded("detect_labels_giant_duck_boxes")["Labels"]]
DETECTOR = "the detector"
OWNER = "the visitor"
BATCH = 10_000  # rows of a statement


def an_upload() -> Upload:
    id, now = secrets.token_urlsafe(16), datetime.now(UTC)
    return replace(sample_upload(id, secrets.token_hex(32), owner=OWNER), created_at=now)


def a_result(upload: Upload) -> Result:
    answer = Answer(tuple(LABELS), judge(RUBBER_DUCK, LABELS), DETECTOR)
    result = sample_result(upload.id)
    return replace(result, created_at=upload.created_at, owner=upload.owner, answer=answer)


def save_one(results: Results) -> str:
    """Insert one upload and its result; return the id."""
    upload = an_upload()
    results.begin(upload, DETECTOR)
    results.save(a_result(upload))
    return upload.id


def fill(results: Results, count: int) -> str:
    """Insert `count` results, half of them OWNER's; return the id of one."""
    id = save_one(results)
    with results.database.transaction() as connection:
        query = select(duck_results).where(duck_results.c.id == id)
        row = connection.execute(query).mappings().one()
        rows = (
            {
                **row,
                "id": f"row-{n}",
                "owner": f"visitor {n}" if n % 2 else OWNER,
                "upload_sha256": f"sum-{n}",
                "created_at": row["created_at"] - timedelta(seconds=n),
            }
            for n in range(1, count)
        )
        while batch := list(islice(rows, BATCH)):
            connection.execute(insert(duck_results), batch)
        if results.database.engine.dialect.name == "postgresql":
            connection.execute(text("ANALYZE"))  # as autovacuum does; the site never does on SQLite
    return id
