"""Results in the database: create, read, list, judge, delete."""

import secrets
from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Connection, Select, and_, bindparam, func, or_, select, tuple_

from rubberduck.core.errors import NoSuchResult, ResultPending, ResultsUnavailable
from rubberduck.core.models import Result, StorageLimits, Upload
from rubberduck.db.cursors import cursor_of, position_of
from rubberduck.db.daily_stats import DailyStats, count, read_daily_stats
from rubberduck.db.deduplication import (
    RETAINED_FROM,
    Duplicate,
    find_duplicate,
    remember_keys,
    take_over,
)
from rubberduck.db.engine import Database, is_storable, to_naive_utc
from rubberduck.db.heartbeats import Heartbeats
from rubberduck.db.pending_deletion import PENDING_UPLOAD_TTL, PendingDeletion
from rubberduck.db.restored import mark_restored, restored_at
from rubberduck.db.row_mapping import from_row, hide, to_pending_row, to_row
from rubberduck.db.storage_usage import require_room
from rubberduck.db.tables import DELETING, PENDING, READY, duck_results
from rubberduck.db.workers import own_id

NO_EXPIRY = timedelta(days=36_500)
row_of = duck_results.c
# Built once: SQLAlchemy takes longer to build a statement than the database to execute it.
_is_ready = and_(row_of.status == READY, bindparam("oldest") <= RETAINED_FROM)
_is_owned = and_(row_of.owner == bindparam("by"), _is_ready)
_one = duck_results.select().where(row_of.id == bindparam("of"))
FIND = _one.where(or_(row_of.status == PENDING, _is_ready))
LOCK_ANY = _one.where(_is_ready).with_for_update()
LOCK_OWN = _one.where(_is_owned).with_for_update()
_is_our_work = and_(row_of.id == bindparam("of"), row_of.worker == bindparam("by_worker"))
FINISH = duck_results.update().where(_is_our_work, row_of.status == PENDING)
BEAT = FINISH.values(heartbeat_at=bindparam("now"))


@dataclass(frozen=True)
class Page:
    """A page of a list, and the cursor of the next one, if there is one."""

    results: tuple[Result, ...]
    next: str | None


class Results:
    """Results by id. Every method raises ResultsUnavailable when the database fails."""

    def __init__(self, database_url: str, keep: timedelta = NO_EXPIRY) -> None:
        """Results older than `keep` are hidden, even before they are swept."""
        self.database = Database(database_url)
        self.keep = keep
        self._heartbeats = Heartbeats(partial(_beat, self.database))

    def begin(
        self, upload: Upload, engine: str, version: str | None = None, *, share: bool = False
    ) -> Duplicate | None:
        """Insert a pending row, so that a crash leaves no picture without a row.

        Return the duplicate, if this version of `engine` answered the same bytes for this caller,
        or they are being processed; then no row is inserted, and an abandoned one is taken over.
        With `share`, other visitors' answers are duplicates too. Raises IdempotencyKeyReused.
        """
        with self.database.transaction(writing=True) as connection:
            detector = engine, version
            duplicate = find_duplicate(connection, upload, detector, self._oldest(), share)
            if duplicate is None or not duplicate.is_mine:
                connection.execute(duck_results.insert(), to_pending_row(upload))
                remember_keys(connection, upload.id, upload)
                return duplicate
            remember_keys(connection, duplicate.id, upload)
            if duplicate.status == "abandoned":
                take_over(connection, duplicate.id, upload)
            return duplicate

    def require_room(self, limits: StorageLimits, owner: str | None, bytes: int) -> None:
        """Raise VisitorStorageFull or SiteStorageFull if so much more would exceed a limit."""
        require_room(self.database, limits, owner, bytes)

    def save(self, result: Result) -> None:
        """Turn a pending upload into a result.

        Raises NoSuchResult if it was taken over, or deleted with everything of its owner.
        """
        with self.database.transaction(writing=True) as connection:
            saved = connection.execute(
                FINISH, {"of": result.id, "by_worker": own_id(), **to_row(result)}
            )
            if not saved.rowcount:
                raise NoSuchResult
            count(connection, result, asked=1)

    def get(self, id: str) -> Result:
        """Return the result. Raises NoSuchResult, or ResultPending while it is being processed."""
        result = self.find(id)
        if result is None:
            raise ResultPending(id)
        return result

    def find(self, id: str) -> Result | None:
        """Return the result, or None while it is pending. Raises NoSuchResult."""
        with self.database.transaction() as connection:
            row = _row(connection, FIND, id, oldest=self._oldest())
        return None if row["status"] == PENDING else from_row(row)

    def list_for_owner(
        self,
        owner: str,
        limit: int,
        cursor: str | None = None,
        *,
        found: bool | None = None,
        question: str | None = None,
    ) -> Page:
        """Return a page of the visitor's results, newest first. Raises InvalidCursor.

        With `found`, only those whose answer is yes (True) or no (False); with `question`, those
        to the question with this title.
        """
        query = (
            duck_results.select()
            .where(_is_owned)
            .order_by(row_of.created_at.desc(), row_of.id.desc())
            .limit(limit + 1)
        )
        if found is not None:
            query = query.where(row_of.duck_found == found)
        if question is not None:
            query = query.where(row_of.question == question)
        if cursor is not None:
            query = query.where(tuple_(row_of.created_at, row_of.id) < tuple_(*position_of(cursor)))
        with self.database.transaction() as connection:
            values = {"oldest": self._oldest(), "by": owner}
            rows = connection.execute(query, values).mappings().all()
        results = tuple(from_row(dict(row)) for row in rows[:limit])
        if len(rows) <= limit:
            return Page(results, None)
        return Page(results, cursor_of(results[-1].created_at, results[-1].id))

    def judge(self, id: str, owner: str, right: bool) -> None:
        """Store the owner's feedback. Raises NoSuchResult, also for other visitors' results."""
        with self.own_row(id, owner) as (connection, row):
            result = from_row(row)
            connection.execute(
                duck_results.update().where(row_of.id == id).values(judged_right=right)
            )
            before, after = result.judged_right, right
            count(
                connection,
                result,
                judged_right=(after is True) - (before is True),
                judged_wrong=(after is False) - (before is False),
            )

    @contextmanager
    def own_row(self, id: str, owner: str) -> Iterator[tuple[Connection, dict[str, Any]]]:
        """Begin a writing transaction with the owner's row locked. Raises NoSuchResult."""
        with self.database.transaction(writing=True) as connection:
            yield connection, _row(connection, LOCK_OWN, id, oldest=self._oldest(), by=owner)

    def renew(self, id: str, now: datetime) -> Result:
        """Restart the retention of a result. Raises NoSuchResult."""
        with self.database.transaction(writing=True) as connection:
            statement = duck_results.update().where(row_of.id == id, row_of.status == READY)
            connection.execute(statement.values(retained_from=to_naive_utc(now)))
            return from_row(_row(connection, FIND, id, oldest=self._oldest()))

    def heartbeat(self, id: str) -> AbstractContextManager[None]:
        """Show every few seconds that this process still works on the upload."""
        return self._heartbeats.of(id)

    def mark_deleting(self, id: str, owner: str | None) -> PendingDeletion:
        """Hide a result before its deletion; without `owner`, anybody's.

        Raises NoSuchResult, also for other visitors.
        """
        with self.database.transaction(writing=True) as connection:
            values = {"oldest": self._oldest()} | ({"by": owner} if owner is not None else {})
            query = LOCK_ANY if owner is None else LOCK_OWN
            row = _row(connection, query, id, **values)
            hide(connection, row_of.id == id)
        return PendingDeletion.of(id, row["s3_key"])

    def count_for_owner(self, owner: str) -> int:
        """Return the number of the visitor's results."""
        query = select(func.count()).where(_is_owned)
        with self.database.transaction() as connection:
            values = {"oldest": self._oldest(), "by": owner}
            return connection.execute(query, values).scalar_one()

    def mark_owned_deleting(
        self, owner: str, ids: Collection[str] | None = None
    ) -> list[PendingDeletion]:
        """Hide all results of the visitor, or those with these ids; unknown ids are ignored.

        Without `ids`, pending uploads are hidden, too, but not returned: their process may still
        store pictures. `save` then raises NoSuchResult, and that process deletes them.
        """
        results = and_(row_of.owner == owner, row_of.status == READY)
        if ids is not None:
            results = and_(results, row_of.id.in_(filter(is_storable, ids)))
        query = select(row_of.id, row_of.s3_key).where(results).with_for_update()
        with self.database.transaction(writing=True) as connection:
            if ids is None:  # first: one that becomes a result meanwhile is found below
                hide(connection, row_of.owner == owner, row_of.status == PENDING)
            hidden = [PendingDeletion.of(id, key) for id, key in connection.execute(query)]
            hide(connection, results)
        return hidden

    def abort_upload(self, id: str) -> bool:
        """Hide our failed upload. Return False without a row, or if another process has it now.

        False, too, if it was saved all the same: the answer to its commit was lost, or another
        thread, which had taken it over, was faster.
        """
        ours = row_of.worker == own_id(), row_of.status != READY
        with self.database.transaction(writing=True) as connection:
            return bool(hide(connection, row_of.id == id, *ours))

    def mark_expired_deleting(
        self, now: datetime, limit: int, after: str = ""
    ) -> list[PendingDeletion]:
        """Hide expired results and abandoned uploads.

        Return up to `limit` hidden rows with ids greater than `after`, in the order of their ids.
        """
        with self.database.transaction(writing=True) as connection:
            hide(
                connection,
                row_of.status == READY,
                row_of.created_at < to_naive_utc(now - self.keep),  # has an index
                to_naive_utc(now - self.keep) > RETAINED_FROM,
            )
            hide(
                connection,
                row_of.status == PENDING,
                row_of.created_at < to_naive_utc(now - PENDING_UPLOAD_TTL),
            )
            hidden = and_(row_of.status == DELETING, row_of.id > after)
            query = select(row_of.id, row_of.s3_key).where(hidden).order_by(row_of.id).limit(limit)
            return [PendingDeletion.of(id, key) for id, key in connection.execute(query)]

    def delete_rows(self, *ids: str) -> None:
        """Delete the rows, whatever their status."""
        with self.database.transaction(writing=True) as connection:
            connection.execute(duck_results.delete().where(row_of.id.in_(ids)))

    def existing_ids(self, ids: Collection[str]) -> set[str]:
        """Return those ids that have a row, whatever its status."""
        with self.database.transaction() as connection:
            return set(connection.scalars(select(row_of.id).where(row_of.id.in_(ids))))

    def daily_stats(self, question: str, since: date) -> DailyStats:
        return read_daily_stats(self.database, question, since)

    def check(self) -> None:
        """Raise ResultsUnavailable unless a row can be written."""
        id, now = f"check-{secrets.token_urlsafe(8)}", datetime.now(UTC)
        row = to_pending_row(Upload(id, now, "", "", ""))
        with self.database.transaction(writing=True) as connection:
            connection.execute(duck_results.insert().values(row))
            connection.execute(duck_results.delete().where(row_of.id == id))

    def was_restored_recently(self) -> bool:
        """Return whether a backup was restored within the retention: rows may be missing."""
        restored = restored_at(self.database)
        return restored is not None and datetime.now(UTC) - restored < self.keep

    def mark_restored(self) -> None:
        """Note that the database was restored from a backup just now."""
        mark_restored(self.database)

    def close(self) -> None:
        self.database.close()

    def _oldest(self) -> datetime:
        return to_naive_utc(datetime.now(UTC) - self.keep)


def _row(connection: Connection, query: Select[Any], id: str, **values: Any) -> dict[str, Any]:
    if not is_storable(id):
        raise NoSuchResult
    row = connection.execute(query, {"of": id, **values}).mappings().first()
    if row is None:
        raise NoSuchResult
    return dict(row)


def _beat(database: Database, ids: Collection[str]) -> None:
    worker, now = own_id(), to_naive_utc(datetime.now(UTC))
    for id in ids:
        # One row a transaction: two would be locked in another order than "delete everything" does.
        # The next heartbeat may succeed.
        with suppress(ResultsUnavailable), database.transaction(writing=True) as connection:
            connection.execute(BEAT, {"of": id, "by_worker": worker, "now": now})
