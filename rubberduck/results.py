"""The results: written down, read, found again, forgotten."""

import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select, tuple_

from rubberduck.database import DELETING, PENDING, READY, Database, duck_results, naive
from rubberduck.errors import KeyReused, NoSuchResult, WrongCursor
from rubberduck.model import Result, Upload
from rubberduck.rows import from_row, to_pending_row, to_row
from rubberduck.tally import Tally, count, read_tally

ON_ITS_WAY = timedelta(seconds=30)  # an upload that takes longer than this was cut off
ABANDONED = timedelta(hours=1)
FOR_EVER = timedelta(days=36_500)

row_of = duck_results.c


@dataclass(frozen=True)
class Twin:
    """An earlier upload of the same bytes; its answer is there, or about to be."""

    id: str
    is_mine: bool


@dataclass(frozen=True)
class Remains:
    """What is still to be deleted: a row and the pictures that it may have."""

    id: str
    keys: tuple[str, str]

    @classmethod
    def of(cls, id: str, picture_key: str) -> "Remains":
        return cls(id, (picture_key, marked_key(id)))


@dataclass(frozen=True)
class Page:
    """A part of a list. `next` leads to the following part, if there is one."""

    results: tuple[Result, ...]
    next: str | None


class Results:
    """Results by id. Any fault of the database is ResultsUnavailable."""

    def __init__(self, database_url: str, keep: timedelta = FOR_EVER) -> None:
        """What is older than `keep` is not found any more, also before it is swept."""
        self.database = Database(database_url)
        self.keep = keep

    def begin(self, upload: Upload, engine: str) -> Twin | None:
        """Write down that a picture is on its way, so that a crash leaves nothing unknown.

        If the same bytes were answered by `engine` before, or are about to be, tells by which
        result; of the visitor's own nothing more is written. KeyReused if the client's key
        belongs to other bytes.
        """
        with self.database.transaction(alone=True) as connection:
            _one_at_a_time(connection, upload)
            answered = and_(self._is_ready(), row_of.engine == engine)
            twin = _same_key(connection, upload) or _same_bytes(connection, upload, answered)
            if twin and twin.is_mine:
                _remember_key(connection, twin.id, upload.key)
            else:
                connection.execute(duck_results.insert().values(to_pending_row(upload)))
        return twin

    def save(self, result: Result) -> None:
        """Make a pending upload a result; NoSuchResult if it is not pending any more."""
        pending = and_(row_of.id == result.id, row_of.status == PENDING)
        with self.database.transaction() as connection:
            saved = connection.execute(duck_results.update().where(pending).values(to_row(result)))
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
            row = _row(connection, id, or_(row_of.status == PENDING, self._is_ready()))
        return None if row["status"] == PENDING else from_row(row)

    def of(self, owner: str, limit: int, cursor: str | None = None) -> Page:
        """A visitor's own results, the newest first; WrongCursor."""
        query = (
            duck_results.select()
            .where(self._owned_by(owner))
            .order_by(row_of.created_at.desc(), row_of.id.desc())
            .limit(limit + 1)
        )
        if cursor is not None:
            query = query.where(tuple_(row_of.created_at, row_of.id) < tuple_(*_place(cursor)))
        with self.database.transaction() as connection:
            rows = connection.execute(query).mappings().all()
        results = tuple(from_row(dict(row)) for row in rows[:limit])
        return Page(results, _cursor(results[-1]) if len(rows) > limit else None)

    def judge(self, id: str, owner: str, right: bool) -> None:
        """Keep what its owner says of an answer. NoSuchResult also for what is another's."""
        with self.database.transaction(alone=True) as connection:
            result = from_row(_row(connection, id, self._owned_by(owner), lock=True))
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

    def hide(self, id: str, owner: str) -> Remains:
        """Nobody finds it from now on. NoSuchResult also for what is another's."""
        with self.database.transaction(alone=True) as connection:
            row = _row(connection, id, self._owned_by(owner), lock=True)
            _hide(connection, row_of.id == id)
        return Remains.of(id, row["s3_key"])

    def give_up(self, id: str) -> bool:
        """Hide an upload that failed, however far it came; False if nothing was written down."""
        with self.database.transaction() as connection:
            return bool(_hide(connection, row_of.id == id))

    def hide_old(self, now: datetime, limit: int, after: str = "") -> list[Remains]:
        """Hide what is kept long enough or was never finished.

        Gives some of all that is hidden, in the order of their ids, which are greater than `after`.
        """
        with self.database.transaction() as connection:
            _hide(connection, row_of.status == READY, row_of.created_at < naive(now - self.keep))
            _hide(connection, row_of.status == PENDING, row_of.created_at < naive(now - ABANDONED))
            hidden = and_(row_of.status == DELETING, row_of.id > after)
            query = select(row_of.id, row_of.s3_key).where(hidden).order_by(row_of.id).limit(limit)
            return [Remains.of(id, key) for id, key in connection.execute(query)]

    def forget(self, id: str) -> None:
        """Remove the row, whatever became of it."""
        with self.database.transaction() as connection:
            connection.execute(duck_results.delete().where(row_of.id == id))

    def known(self, ids: Collection[str]) -> set[str]:
        """Those that have a row, whatever became of it."""
        with self.database.transaction() as connection:
            return set(connection.scalars(select(row_of.id).where(row_of.id.in_(ids))))

    def tally(self, question: str, since: date) -> Tally:
        return read_tally(self.database, question, since)

    def check(self) -> None:
        """ResultsUnavailable unless a row can be written."""
        id, now = f"check-{secrets.token_urlsafe(8)}", datetime.now(UTC)
        row = to_pending_row(Upload(id, now, "", "", ""))
        with self.database.transaction() as connection:
            connection.execute(duck_results.insert().values(row))
            connection.execute(duck_results.delete().where(row_of.id == id))

    def close(self) -> None:
        self.database.close()

    def _owned_by(self, owner: str) -> ColumnElement[bool]:
        return and_(row_of.owner == owner, self._is_ready())

    def _is_ready(self) -> ColumnElement[bool]:
        oldest = naive(datetime.now(UTC) - self.keep)
        return and_(row_of.status == READY, row_of.created_at >= oldest)


def marked_key(id: str) -> str:
    return f"marked/{id}.jpg"


def _one_at_a_time(connection: Connection, upload: Upload) -> None:
    """Of two uploads of the same bytes at once, one must see the other."""
    if connection.dialect.name == "postgresql":
        for what in sorted(filter(None, (upload.sha256, upload.key))):  # in one order for all
            connection.execute(select(func.pg_advisory_xact_lock(func.hashtext(what))))


def _same_key(connection: Connection, upload: Upload) -> Twin | None:
    if upload.key is None:
        return None
    row = connection.execute(
        duck_results.select().where(row_of.idempotency_key == upload.key)
    ).mappings()
    if (same := row.first()) is None:
        return None
    on_its_way = naive(upload.created_at - ON_ITS_WAY)
    if same["status"] == PENDING and same["created_at"] <= on_its_way:
        _hide(connection, row_of.id == same["id"])  # it was cut off: this is its repetition
        return None
    if same["upload_sha256"] != upload.sha256:
        raise KeyReused("This Idempotency-Key was sent before, with another picture.")
    return Twin(same["id"], is_mine=True)


def _remember_key(connection: Connection, id: str, key: str | None) -> None:
    """A result found by its bytes answers to the client's key from now on."""
    if key is not None:
        nameless = and_(row_of.id == id, row_of.idempotency_key.is_(None))
        connection.execute(duck_results.update().where(nameless).values(idempotency_key=key))


def _same_bytes(
    connection: Connection, upload: Upload, answered: ColumnElement[bool]
) -> Twin | None:
    is_mine = and_(row_of.owner.is_not(None), row_of.owner == upload.owner)
    # What the stand-in answered is worth asking again.
    answered = and_(answered, row_of.instead_of.is_(None))
    on_its_way = and_(
        row_of.status == PENDING, row_of.created_at > naive(upload.created_at - ON_ITS_WAY)
    )
    row = connection.execute(
        select(row_of.id, is_mine.label("is_mine"))
        .where(
            row_of.upload_sha256 == upload.sha256,
            row_of.question == upload.question,
            or_(answered, on_its_way),
        )
        .order_by(is_mine.desc(), answered.desc(), row_of.created_at)
    ).first()
    return Twin(row.id, bool(row.is_mine)) if row else None


def _row(
    connection: Connection, id: str, *conditions: ColumnElement[bool], lock: bool = False
) -> Mapping[str, Any]:
    # PostgreSQL takes no NUL in a text, and an id of ours is plain ASCII.
    if not (id.isascii() and id.isprintable()):
        raise NoSuchResult
    query = duck_results.select().where(row_of.id == id, *conditions)
    row = connection.execute(query.with_for_update() if lock else query).mappings().first()
    if row is None:
        raise NoSuchResult
    return dict(row)


def _hide(connection: Connection, *conditions: ColumnElement[bool]) -> int:
    """Its bytes and its key are free for a new upload at once."""
    nothing = {"upload_sha256": None, "idempotency_key": None, "owner": None}
    hiding = duck_results.update().where(*conditions).values(status=DELETING, **nothing)
    return connection.execute(hiding).rowcount


def _cursor(last: Result) -> str:
    place = f"{naive(last.created_at).isoformat()} {last.id}"
    return urlsafe_b64encode(place.encode()).decode().rstrip("=")


def _place(cursor: str) -> tuple[datetime, str]:
    try:
        place = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
        moment, id = place.split(" ")
        if not id.isprintable():
            raise ValueError
        return naive(datetime.fromisoformat(moment + "+00:00")), id
    except ValueError:
        raise WrongCursor("This place in the list does not exist.") from None
