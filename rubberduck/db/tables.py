"""The tables of the results database and the schema revision this code needs."""

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Date,
    DateTime,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
)

SCHEMA = "0003"  # the Alembic revision that this code reads and writes
# What a row can be. `deleting`: hidden from everybody, its pictures are about to go.
PENDING, READY, DELETING = "pending", "ready", "deleting"
metadata = MetaData()
duck_results = Table(
    "duck_results",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("status", String(16), nullable=False),
    Column("created_at", DateTime, nullable=False),  # UTC
    Column("question", String(200), nullable=False),
    Column("s3_key", String(200), nullable=False),  # the storage's key, also in a folder
    Column("marked_key", String(200)),
    Column("said", String(200)),
    Column("min_confidence", Float),
    Column("width", Integer),
    Column("height", Integer),
    Column("several_frames", Boolean),
    Column("duck_found", Boolean),
    Column("confidence_score", Float),  # percent; empty when the answer is no
    Column("bounding_box_data", JSON),  # the boxes that count
    Column("because", JSON),  # the label that spoke for each group
    Column("missing", JSON),  # the groups without one
    Column("labels", JSON),  # everything the detector said
    Column("engine", String(64)),
    Column("instead_of", String(64)),
    Column("instead_because", String(16)),  # failed, budget-spent
    Column("owner", String(64)),  # the visitor's number; empty: nobody's
    Column("upload_sha256", String(64)),  # of the visitor's own bytes, to know them again
    Column("idempotency_key", String(255)),
    Column("judged_right", Boolean),  # by its owner; empty until then
    Index("duck_results_by_owner", "owner", "created_at", "id"),
    Index("duck_results_by_upload", "upload_sha256"),
    Index("duck_results_by_age", "status", "created_at"),
    Index("duck_results_by_key", "idempotency_key", unique=True),
)
# Sums that name nobody, so they outlive the results that they count.
daily_counts = Table(
    "daily_counts",
    metadata,
    Column("day", Date, primary_key=True),  # of UTC
    Column("question", String(200), primary_key=True),
    Column("engine", String(64), primary_key=True),
    Column("score_band", Integer, primary_key=True),  # 9: 90 % and more; -1: the answer was no
    Column("asked", Integer, nullable=False),
    Column("judged_right", Integer, nullable=False),
    Column("judged_wrong", Integer, nullable=False),
)
# What costs money is counted before it is asked; see budget.py.
calls = Table(
    "calls",
    metadata,
    Column("engine", String(64), primary_key=True),
    Column("period", String(10), primary_key=True),  # a month, 2026-11, or a day, 2026-11-20; UTC
    Column("taken", Integer, nullable=False),
    Column("dollars_a_call", Float, nullable=False),
)
# One row: the oldest revision whose code this database still serves. A migration that only adds
# leaves it, so that machines of the version before go on while a new one is deployed, and can come
# back after it.
compatibility = Table("compatibility", metadata, Column("works_from", String(32), primary_key=True))
