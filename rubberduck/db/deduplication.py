"""Was this picture sent before? Then there is an answer to it already, or about to be."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, String, and_, bindparam, case, func, select

from rubberduck.core.errors import IdempotencyKeyReused
from rubberduck.core.models import Upload
from rubberduck.db.engine import to_naive_utc
from rubberduck.db.row_mapping import hide
from rubberduck.db.tables import PENDING, READY, duck_results

ON_ITS_WAY = timedelta(seconds=30)  # an upload that takes longer than this was cut off
row_of = duck_results.c
# Put together once: SQLAlchemy takes longer for that than the database for its answer.
# Nobody's row is no (0), not NULL, which PostgreSQL would sort first.
_is_mine = and_(row_of.owner.is_not(None), row_of.owner == bindparam("by"))
_answered = and_(
    row_of.created_at >= bindparam("oldest"),
    row_of.engine == bindparam("by_engine"),
    row_of.instead_of.is_(None),  # what the stand-in answered is worth asking again
)
_on_its_way = row_of.created_at > bindparam("since")
# As a choice, not with OR: for that, SQLite went through all results by their age.
_counts = case((row_of.status == READY, _answered), (row_of.status == PENDING, _on_its_way))
SAME_BYTES = (
    select(row_of.id, _is_mine.label("is_mine"))
    .where(
        row_of.upload_sha256 == bindparam("sha256"),
        row_of.question == bindparam("asked"),
        _counts,
    )
    .order_by(_is_mine.desc(), (row_of.status == READY).desc(), row_of.created_at)
)
SAME_KEY = duck_results.select().where(row_of.idempotency_key == bindparam("key"))
ADVISORY_LOCK = select(func.pg_advisory_xact_lock(func.hashtext(bindparam("what", type_=String))))


@dataclass(frozen=True)
class Duplicate:
    """An earlier upload of the same bytes; its answer is there, or about to be."""

    id: str
    is_mine: bool


def find_duplicate(
    connection: Connection, upload: Upload, engine: str, oldest: datetime
) -> Duplicate | None:
    """The upload of the same key or the same bytes, answered by `engine` since `oldest`, or on its
    way. Nobody else can begin the same before the transaction is over. IdempotencyKeyReused."""
    _lock_duplicates(connection, upload)
    return _same_key(connection, upload) or _same_bytes(connection, upload, engine, oldest)


def remember_key(connection: Connection, id: str, key: str | None) -> None:
    """A result found by its bytes answers to the client's key from now on."""
    if key is not None:
        nameless = and_(row_of.id == id, row_of.idempotency_key.is_(None))
        connection.execute(duck_results.update().where(nameless).values(idempotency_key=key))


def _lock_duplicates(connection: Connection, upload: Upload) -> None:
    """Of two uploads of the same bytes at once, one must see the other."""
    if connection.dialect.name == "postgresql":
        for what in sorted(filter(None, (upload.sha256, upload.key))):  # in one order for all
            connection.execute(ADVISORY_LOCK, {"what": what})


def _same_key(connection: Connection, upload: Upload) -> Duplicate | None:
    if upload.key is None:
        return None
    if (same := connection.execute(SAME_KEY, {"key": upload.key}).mappings().first()) is None:
        return None
    on_its_way = to_naive_utc(upload.created_at - ON_ITS_WAY)
    if same["status"] == PENDING and same["created_at"] <= on_its_way:
        hide(connection, row_of.id == same["id"])  # it was cut off: this is its repetition
        return None
    if same["upload_sha256"] != upload.sha256:
        raise IdempotencyKeyReused("This Idempotency-Key was sent before, with another picture.")
    return Duplicate(same["id"], is_mine=True)


def _same_bytes(
    connection: Connection, upload: Upload, engine: str, oldest: datetime
) -> Duplicate | None:
    values = {
        "by": upload.owner or "",  # nobody's is not the same as nobody's
        "oldest": oldest,
        "by_engine": engine,
        "since": to_naive_utc(upload.created_at - ON_ITS_WAY),
        "sha256": upload.sha256,
        "asked": upload.question,
    }
    row = connection.execute(SAME_BYTES, values).first()
    return Duplicate(row.id, bool(row.is_mine)) if row else None
