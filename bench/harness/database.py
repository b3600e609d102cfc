"""Fill databases with results: one real row, and any number of rows derived from it."""

import secrets
from dataclasses import replace
from datetime import UTC, datetime

from sqlalchemy import text

from rekognition import label_from
from rubberduck.core.models import Answer, Result, Upload
from rubberduck.core.rules import RUBBER_DUCK, judge
from rubberduck.db.results import Results
from rubberduck.db.tables import duck_results
from tests.support.fake_rekognition import recorded

LABELS = [label_from(each) for each in recorded("detect_labels_giant_duck_boxes")["Labels"]]
DETECTOR = "the detector"
OWNER = "the visitor"
SECONDS_EARLIER = {  # n seconds before the first row, in each database's SQL
    "sqlite": "datetime(created_at, '-' || n || ' seconds') || '.000000'",
    "postgresql": "created_at - n * interval '1 second'",
}


def an_upload(owner: str | None = OWNER) -> Upload:
    id, now = secrets.token_urlsafe(16), datetime.now(UTC)
    return Upload(id, now, RUBBER_DUCK.title, f"uploads/{id}.jpg", secrets.token_hex(32), owner)


def a_result() -> Result:
    upload, verdict = an_upload(), judge(RUBBER_DUCK, LABELS)
    return Result(
        id=upload.id,
        created_at=upload.created_at,
        question=upload.question,
        said=RUBBER_DUCK.yes,
        min_confidence=RUBBER_DUCK.min_confidence,
        width=2048,
        height=1536,
        several_frames=False,
        picture_key=upload.picture_key,
        marked_key=f"marked/{upload.id}.jpg",
        answer=Answer(tuple(LABELS), verdict, DETECTOR),
        owner=OWNER,
    )


def save_one(results: Results) -> str:
    """Insert one upload and its result; return the id."""
    upload = an_upload()
    results.begin(upload, DETECTOR)
    results.save(replace(a_result(), id=upload.id))
    return upload.id


def fill(results: Results, count: int) -> str:
    """Insert `count` results, half of them OWNER's; return the id of one."""
    id = save_one(results)
    dialect = results.database.engine.dialect.name
    made = {
        "id": "'row-' || n",
        "owner": f"CASE WHEN n % 2 = 0 THEN '{OWNER}' ELSE 'visitor ' || n END",
        "upload_sha256": "'sum-' || n",
        "idempotency_key": "NULL",
        "created_at": SECONDS_EARLIER[dialect],
    }
    names = [column.name for column in duck_results.columns]
    values = ", ".join(made.get(name, name) for name in names)
    with results.database.transaction() as connection:
        if dialect == "postgresql":
            connection.execute(text("SET LOCAL statement_timeout = 0"))  # a million take a while
        connection.execute(
            text(
                "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers "
                f"WHERE n < {count - 1}) INSERT INTO duck_results ({', '.join(names)}) "
                f"SELECT {values} FROM numbers, duck_results WHERE id = '{id}'"
            )
        )
        if dialect == "postgresql":
            connection.execute(text("ANALYZE"))  # as autovacuum does; the site never does on SQLite
    return id
