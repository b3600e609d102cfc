"""Find earlier uploads of the same bytes or with the same Idempotency-Key."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Boolean, Connection, String, and_, bindparam, case, func, or_, select

from rubberduck.core.errors import IdempotencyKeyReused
from rubberduck.core.models import Upload
from rubberduck.db.engine import to_naive_utc, upsert
from rubberduck.db.tables import PENDING, READY, duck_results, idempotency_keys
from rubberduck.db.workers import has_ended, own_id

# Without a heartbeat for this long, nobody works on an upload any more. Sent every 2 s.
HEARTBEAT_TIMEOUT = timedelta(seconds=15)
row_of = duck_results.c
RETAINED_FROM = func.coalesce(row_of.retained_from, row_of.created_at)
# Built once: SQLAlchemy takes longer to build a statement than the database to execute it.
# A row without an owner gives 0, not NULL, which PostgreSQL would sort first.
_is_mine = and_(row_of.owner.is_not(None), row_of.owner == bindparam("by"))
# A detector that has not been called in this process may not know its version yet: then any counts.
_version = bindparam("by_version", type_=String)
_answered = and_(
    or_(bindparam("share", type_=Boolean), _is_mine),
    bindparam("oldest") <= RETAINED_FROM,
    row_of.engine == bindparam("by_engine"),
    or_(_version.is_(None), row_of.engine_version == _version),
    row_of.instead_of.is_(None),  # a fallback's answer is not reused
)
# CASE instead of OR: with OR, SQLite scans the results by age instead of using the hash.
_is_usable = case((row_of.status == READY, _answered), (row_of.status == PENDING, _is_mine))
SAME_BYTES = (
    duck_results.select()
    .add_columns(_is_mine.label("is_mine"))
    .where(
        row_of.upload_sha256 == bindparam("sha256"),
        row_of.question == bindparam("asked"),
        _is_usable,
    )
    .order_by(_is_mine.desc(), (row_of.status == READY).desc(), row_of.created_at)
)
SAME_KEY = (
    duck_results.select()
    .add_columns(idempotency_keys.c.upload_sha256.label("sha256_of_key"))
    .join(idempotency_keys, idempotency_keys.c.result_id == row_of.id)
    .where(idempotency_keys.c.key_hash == bindparam("key"))
    .where(or_(row_of.status == PENDING, bindparam("oldest") <= RETAINED_FROM))
)
ADVISORY_LOCK = select(func.pg_advisory_xact_lock(func.hashtext(bindparam("name", type_=String))))
Status = Literal["ready", "pending", "abandoned"]


@dataclass(frozen=True)
class Duplicate:
    """An upload of the same bytes; abandoned if nobody works on it any more."""

    id: str
    is_mine: bool
    status: Status = "ready"


def find_duplicate(
    connection: Connection,
    upload: Upload,
    detector: tuple[str, str | None],
    oldest: datetime,
    share: bool,
) -> Duplicate | None:
    """Return the caller's upload with the same key or bytes, pending or answered by `detector`
    (name, version) since `oldest`; with `share`, also an answer to another visitor.

    Holds a lock on both until the transaction ends. Raises IdempotencyKeyReused.
    """
    _lock_duplicates(connection, upload)
    same_key = _same_key(connection, upload, oldest)
    return same_key or _same_bytes(connection, upload, detector, oldest, share)


def remember_keys(connection: Connection, id: str, upload: Upload) -> None:
    """Attach the client's keys to a result."""
    if upload.keys:
        insert = upsert(connection.dialect.name, idempotency_keys)
        values = {"result_id": id, "upload_sha256": upload.sha256}
        statement = insert.on_conflict_do_update(index_elements=["key_hash"], set_=values)
        connection.execute(statement, [{"key_hash": key, **values} for key in upload.keys])


def take_over(connection: Connection, id: str, upload: Upload) -> None:
    """Take over an abandoned upload."""
    now = to_naive_utc(upload.created_at)
    statement = duck_results.update().where(row_of.id == id)
    connection.execute(statement.values(worker=own_id(), created_at=now, heartbeat_at=now))


def _lock_duplicates(connection: Connection, upload: Upload) -> None:
    """Serialise uploads of the same bytes or key; SQLite has a single writer anyway."""
    if connection.dialect.name == "postgresql":
        for name in sorted({upload.sha256, *upload.keys}):  # same order: no deadlock
            connection.execute(ADVISORY_LOCK, {"name": name})


def _same_key(connection: Connection, upload: Upload, oldest: datetime) -> Duplicate | None:
    for key in upload.keys:
        values = {"key": key, "oldest": oldest}
        if row := connection.execute(SAME_KEY, values).mappings().first():
            if (row["sha256_of_key"], row["question"]) != (upload.sha256, upload.question):
                raise IdempotencyKeyReused(
                    "This Idempotency-Key was already used with a different picture or question."
                )
            return Duplicate(row["id"], is_mine=True, status=_status(row))
    return None


def _same_bytes(
    connection: Connection,
    upload: Upload,
    detector: tuple[str, str | None],
    oldest: datetime,
    share: bool,
) -> Duplicate | None:
    values = {
        "by": upload.owner or "",  # NULL owners never match
        "share": share,
        "oldest": oldest,
        "by_engine": detector[0],
        "by_version": detector[1],
        "sha256": upload.sha256,
        "asked": upload.question,
    }
    row = connection.execute(SAME_BYTES, values).mappings().first()
    return Duplicate(row["id"], bool(row["is_mine"]), _status(row)) if row else None


def _status(row: Mapping[Any, Any]) -> Status:
    if row["status"] == READY:
        return "ready"
    if row["worker"] and has_ended(row["worker"]):
        return "abandoned"
    # A process that runs, here or elsewhere, has given the upload up if it no longer beats: it
    # could not clear up, because the database was away just then.
    heartbeat = row["heartbeat_at"] or row["created_at"]
    is_silent = heartbeat < to_naive_utc(datetime.now(UTC) - HEARTBEAT_TIMEOUT)
    return "abandoned" if is_silent else "pending"
