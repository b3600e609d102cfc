"""Find earlier uploads of the same bytes or with the same Idempotency-Key."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, String, and_, bindparam, case, func, select

from rubberduck.core.errors import IdempotencyKeyReused
from rubberduck.core.models import Upload
from rubberduck.db.engine import to_naive_utc
from rubberduck.db.row_mapping import hide
from rubberduck.db.tables import PENDING, READY, duck_results

UPLOAD_TIMEOUT = timedelta(seconds=30)  # a pending upload older than this was interrupted
row_of = duck_results.c
# Built once: SQLAlchemy takes longer to build a statement than the database to execute it.
# A row without an owner gives 0, not NULL, which PostgreSQL would sort first.
_is_mine = and_(row_of.owner.is_not(None), row_of.owner == bindparam("by"))
_answered = and_(
    row_of.created_at >= bindparam("oldest"),
    row_of.engine == bindparam("by_engine"),
    row_of.instead_of.is_(None),  # a fallback's answer is not reused
)
_in_work = row_of.created_at > bindparam("since")
# CASE instead of OR: with OR, SQLite scans the results by age instead of using the hash.
_is_usable = case((row_of.status == READY, _answered), (row_of.status == PENDING, _in_work))
SAME_BYTES = (
    select(row_of.id, _is_mine.label("is_mine"))
    .where(
        row_of.upload_sha256 == bindparam("sha256"),
        row_of.question == bindparam("asked"),
        _is_usable,
    )
    .order_by(_is_mine.desc(), (row_of.status == READY).desc(), row_of.created_at)
)
SAME_KEY = duck_results.select().where(row_of.idempotency_key == bindparam("key"))
ADVISORY_LOCK = select(func.pg_advisory_xact_lock(func.hashtext(bindparam("name", type_=String))))


@dataclass(frozen=True)
class Duplicate:
    """An earlier upload of the same bytes, answered or in work."""

    id: str
    is_mine: bool


def find_duplicate(
    connection: Connection, upload: Upload, engine: str, oldest: datetime
) -> Duplicate | None:
    """Return the upload with the same key or bytes, answered by `engine` since `oldest` or in work.

    Holds a lock on both until the transaction ends. Raises IdempotencyKeyReused.
    """
    _lock_duplicates(connection, upload)
    return _same_key(connection, upload) or _same_bytes(connection, upload, engine, oldest)


def remember_key(connection: Connection, id: str, key: str | None) -> None:
    """Attach the client's key to a result that was found by its bytes."""
    if key is not None:
        without_key = and_(row_of.id == id, row_of.idempotency_key.is_(None))
        connection.execute(duck_results.update().where(without_key).values(idempotency_key=key))


def _lock_duplicates(connection: Connection, upload: Upload) -> None:
    """Serialise uploads of the same bytes or key; SQLite has a single writer anyway."""
    if connection.dialect.name == "postgresql":
        for name in sorted(filter(None, (upload.sha256, upload.key))):  # same order: no deadlock
            connection.execute(ADVISORY_LOCK, {"name": name})


def _same_key(connection: Connection, upload: Upload) -> Duplicate | None:
    if upload.key is None:
        return None
    if (same := connection.execute(SAME_KEY, {"key": upload.key}).mappings().first()) is None:
        return None
    started_before = to_naive_utc(upload.created_at - UPLOAD_TIMEOUT)
    if same["status"] == PENDING and same["created_at"] <= started_before:
        hide(connection, row_of.id == same["id"])  # it was interrupted: this is the retry
        return None
    if same["upload_sha256"] != upload.sha256:
        raise IdempotencyKeyReused(
            "This Idempotency-Key was already used with a different picture."
        )
    return Duplicate(same["id"], is_mine=True)


def _same_bytes(
    connection: Connection, upload: Upload, engine: str, oldest: datetime
) -> Duplicate | None:
    values = {
        "by": upload.owner or "",  # NULL owners never match
        "oldest": oldest,
        "by_engine": engine,
        "since": to_naive_utc(upload.created_at - UPLOAD_TIMEOUT),
        "sha256": upload.sha256,
        "asked": upload.question,
    }
    row = connection.execute(SAME_BYTES, values).first()
    return Duplicate(row.id, bool(row.is_mine)) if row else None
