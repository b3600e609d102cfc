"""The results: written down, read, found again, forgotten."""

import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, and_, bindparam, or_, select, tuple_

from rubberduck.core.errors import InvalidCursor, NoSuchResult
from rubberduck.core.models import Result, Upload
from rubberduck.db.daily_stats import DailyStats, count, read_daily_stats
from rubberduck.db.deduplication import Duplicate, find_duplicate, remember_key
from rubberduck.db.engine import Database, to_naive_utc
from rubberduck.db.pending_deletion import PENDING_UPLOAD_TTL, PendingDeletion
from rubberduck.db.row_mapping import from_row, hide, to_pending_row, to_row
from rubberduck.db.tables import DELETING, PENDING, READY, duck_results

NO_EXPIRY = timedelta(days=36_500)
row_of = duck_results.c
# Put together once: SQLAlchemy takes longer for that than the database for its answer.
_is_ready = and_(row_of.status == READY, row_of.created_at >= bindparam("oldest"))
_is_owned = and_(row_of.owner == bindparam("by"), _is_ready)
_one = duck_results.select().where(row_of.id == bindparam("of"))
FIND = _one.where(or_(row_of.status == PENDING, _is_ready))
LOCK_OWN = _one.where(_is_owned).with_for_update()
FINISH = duck_results.update().where(row_of.id == bindparam("of"), row_of.status == PENDING)


@dataclass(frozen=True)
class Page:
    """A part of a list. `next` leads to the following part, if there is one."""

    results: tuple[Result, ...]
    next: str | None


class Results:
    """Results by id. Any fault of the database is ResultsUnavailable."""

    def __init__(self, database_url: str, keep: timedelta = NO_EXPIRY) -> None:
        """What is older than `keep` is not found any more, also before it is swept."""
        self.database = Database(database_url)
        self.keep = keep

    def begin(self, upload: Upload, engine: str) -> Duplicate | None:
        """Write down that a picture is on its way, so that a crash leaves nothing unknown.

        If the same bytes were answered by `engine` before, or are about to be, tells by which
        result; of the visitor's own nothing more is written. IdempotencyKeyReused if the
        client's key belongs to other bytes.
        """
        with self.database.transaction(writing=True) as connection:
            twin = find_duplicate(connection, upload, engine, self._oldest())
            if twin and twin.is_mine:
                remember_key(connection, twin.id, upload.key)
            else:
                connection.execute(duck_results.insert(), to_pending_row(upload))
        return twin

    def save(self, result: Result) -> None:
        """Make a pending upload a result; NoSuchResult if it is not pending any more."""
        with self.database.transaction(writing=True) as connection:
            saved = connection.execute(FINISH, {"of": result.id, **to_row(result)})
            if not saved.rowcount:
                raise NoSuchResult
            count(connection, result, asked=1)

    def get(self, id: str) -> Result:
        """The result, or NoSuchResult: also for an id that nobody could have been given."""
        result = self.find(id)
        if result is None:
            raise NoSuchResult
        return result

    def find(self, id: str) -> Result | None:
        """The result; None while it is pending; NoSuchResult."""
        with self.database.transaction() as connection:
            row = _row(connection, FIND, id, oldest=self._oldest())
        return None if row["status"] == PENDING else from_row(row)

    def list_for_owner(self, owner: str, limit: int, cursor: str | None = None) -> Page:
        """A visitor's own results, the newest first; InvalidCursor."""
        query = (
            duck_results.select()
            .where(_is_owned)
            .order_by(row_of.created_at.desc(), row_of.id.desc())
            .limit(limit + 1)
        )
        if cursor is not None:
            query = query.where(tuple_(row_of.created_at, row_of.id) < tuple_(*_place(cursor)))
        with self.database.transaction() as connection:
            values = {"oldest": self._oldest(), "by": owner}
            rows = connection.execute(query, values).mappings().all()
        results = tuple(from_row(dict(row)) for row in rows[:limit])
        return Page(results, _cursor(results[-1]) if len(rows) > limit else None)

    def judge(self, id: str, owner: str, right: bool) -> None:
        """Keep what its owner says of an answer. NoSuchResult also for what is another's."""
        with self.database.transaction(writing=True) as connection:
            row = _row(connection, LOCK_OWN, id, oldest=self._oldest(), by=owner)
            result = from_row(row)
            connection.execute(
                duck_results.update().where(row_of.id == id).values(judged_right=right)
            )
            before, after = result.judged_right, right
            count(
                connection,
                result,
                right=(after is True) - (before is True),
                wrong=(after is False) - (before is False),
            )

    def mark_deleting(self, id: str, owner: str) -> PendingDeletion:
        """Nobody finds it from now on. NoSuchResult also for what is another's."""
        with self.database.transaction(writing=True) as connection:
            row = _row(connection, LOCK_OWN, id, oldest=self._oldest(), by=owner)
            hide(connection, row_of.id == id)
        return PendingDeletion.of(id, row["s3_key"])

    def abort_upload(self, id: str) -> bool:
        """Hide an upload that failed, however far it came; False if nothing was written down."""
        with self.database.transaction(writing=True) as connection:
            return bool(hide(connection, row_of.id == id))

    def mark_expired_deleting(
        self, now: datetime, limit: int, after: str = ""
    ) -> list[PendingDeletion]:
        """Hide what is kept long enough or was never finished.

        Gives some of all that is hidden, in the order of their ids, which are greater than `after`.
        """
        with self.database.transaction(writing=True) as connection:
            hide(
                connection,
                row_of.status == READY,
                row_of.created_at < to_naive_utc(now - self.keep),
            )
            hide(
                connection,
                row_of.status == PENDING,
                row_of.created_at < to_naive_utc(now - PENDING_UPLOAD_TTL),
            )
            hidden = and_(row_of.status == DELETING, row_of.id > after)
            query = select(row_of.id, row_of.s3_key).where(hidden).order_by(row_of.id).limit(limit)
            return [PendingDeletion.of(id, key) for id, key in connection.execute(query)]

    def delete_row(self, id: str) -> None:
        """Remove the row, whatever became of it."""
        with self.database.transaction(writing=True) as connection:
            connection.execute(duck_results.delete().where(row_of.id == id))

    def existing_ids(self, ids: Collection[str]) -> set[str]:
        """Those that have a row, whatever became of it."""
        with self.database.transaction() as connection:
            return set(connection.scalars(select(row_of.id).where(row_of.id.in_(ids))))

    def daily_stats(self, question: str, since: date) -> DailyStats:
        return read_daily_stats(self.database, question, since)

    def check(self) -> None:
        """ResultsUnavailable unless a row can be written."""
        id, now = f"check-{secrets.token_urlsafe(8)}", datetime.now(UTC)
        row = to_pending_row(Upload(id, now, "", "", ""))
        with self.database.transaction(writing=True) as connection:
            connection.execute(duck_results.insert().values(row))
            connection.execute(duck_results.delete().where(row_of.id == id))

    def close(self) -> None:
        self.database.close()

    def _oldest(self) -> datetime:
        return to_naive_utc(datetime.now(UTC) - self.keep)


def _row(connection: Connection, query: Select[Any], id: str, **values: Any) -> dict[str, Any]:
    # PostgreSQL takes no NUL in a text, and an id of ours is plain ASCII.
    if not (id.isascii() and id.isprintable()):
        raise NoSuchResult
    row = connection.execute(query, {"of": id, **values}).mappings().first()
    if row is None:
        raise NoSuchResult
    return dict(row)


def _cursor(last: Result) -> str:
    place = f"{to_naive_utc(last.created_at).isoformat()} {last.id}"
    return urlsafe_b64encode(place.encode()).decode().rstrip("=")


def _place(cursor: str) -> tuple[datetime, str]:
    try:
        place = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
        moment, id = place.split(" ")
        if not id.isprintable():
            raise ValueError
        return to_naive_utc(datetime.fromisoformat(moment + "+00:00")), id
    except ValueError:
        raise InvalidCursor("This place in the list does not exist.") from None
