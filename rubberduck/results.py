"""The results database: one table, in SQLite or PostgreSQL."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Connection,
    DateTime,
    Engine,
    Float,
    Integer,
    MetaData,
    String,
    Table,
    create_engine,
    event,
    make_url,
)
from sqlalchemy.exc import DBAPIError, DisconnectionError, SQLAlchemyError

from rubberduck.errors import NoSuchResult, ResultsUnavailable
from rubberduck.model import Answer, Box, Label, Result, Verdict
from rubberduck.settings import ROOT

SCHEMA = "0001"  # the Alembic revision that this code reads and writes
BUSY_SECONDS = 5  # how long a writer waits for another one, on SQLite and on PostgreSQL
PENDING, READY = "pending", "ready"

# What an operator can do about a driver's words.
CURES = {
    "alembic_version": "is the database there? `python db_setup.py` makes one",
    "unable to open": "is the database there? `python db_setup.py` makes one",
    "malformed": "the file is damaged; put the backup back",
    "not a database": "the file is damaged; put the backup back",
    "readonly": "make the file and its folder writable for the user who runs the site",
    "is full": "make room on the disk",
    "locked": "another process writes for too long; is a backup running?",
    "connection": "is PostgreSQL running, and DUCK_DATABASE_URL right?",
}

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
)


class Results:
    """Results by id. Any fault of the database is ResultsUnavailable."""

    def __init__(self, database_url: str) -> None:
        self.engine = engine_for(database_url)
        event.listen(self.engine, "connect", _refuse_other_schema)
        if self.engine.dialect.name == "sqlite":
            watch = _Watch(sqlite_file(database_url))
            event.listen(self.engine, "connect", watch.remember)
            event.listen(self.engine, "checkout", watch.refuse_another)

    def begin(self, id: str, created_at: datetime, question: str, picture_key: str) -> None:
        """Write down that a picture is on its way, so that a crash leaves nothing unknown."""
        row = {
            "id": id,
            "status": PENDING,
            "created_at": _naive(created_at),
            "question": question,
            "s3_key": picture_key,
        }
        with self._transaction() as connection:
            connection.execute(duck_results.insert().values(row))

    def save(self, result: Result) -> None:
        with self._transaction() as connection:
            connection.execute(
                duck_results.update().where(duck_results.c.id == result.id).values(_to_row(result))
            )

    def get(self, id: str) -> Result:
        """The result, or NoSuchResult: also for an id that nobody could have been given."""
        query = duck_results.select().where(duck_results.c.id == id, duck_results.c.status == READY)
        # PostgreSQL takes no NUL in a text, and an id of ours is plain ASCII.
        if not (id.isascii() and id.isprintable()):
            raise NoSuchResult
        with self._transaction() as connection:
            row = connection.execute(query).mappings().first()
        if row is None:
            raise NoSuchResult
        return _from_row(dict(row))

    def check(self) -> None:
        """ResultsUnavailable unless a row can be written."""
        id, now = f"check-{secrets.token_urlsafe(8)}", _naive(datetime.now(UTC))
        row = {"id": id, "status": PENDING, "created_at": now, "question": "", "s3_key": ""}
        with self._transaction() as connection:
            connection.execute(duck_results.insert().values(row))
            connection.execute(duck_results.delete().where(duck_results.c.id == id))

    def close(self) -> None:
        self.engine.dispose()

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        # In "connect" listeners the driver's errors arrive as they are.
        raw = self.engine.dialect.loaded_dbapi.Error
        try:
            with self.engine.begin() as connection:
                yield connection
        except (SQLAlchemyError, raw) as error:
            raise ResultsUnavailable(
                "Our list of results cannot be opened.", cause=_cause(error)
            ) from error


class _Watch:
    """A kept connection would go on writing into a file that was deleted or moved away."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def remember(self, _connection: Any, record: Any) -> None:
        record.info["file"] = self._identity()

    def refuse_another(self, _connection: Any, record: Any, _proxy: Any) -> None:
        if record.info["file"] != self._identity():
            raise DisconnectionError("the database's file is another one now")

    def _identity(self) -> tuple[int, int] | None:
        try:
            stat = self.file.stat()
        except OSError:
            return None
        return stat.st_dev, stat.st_ino


def engine_for(database_url: str, *, create: bool = False) -> Engine:
    """An engine for SQLite or PostgreSQL; only with `create` may a SQLite file be made."""
    url = make_url(database_url)
    if url.get_backend_name() != "sqlite":
        options = f"-c lock_timeout={BUSY_SECONDS}s -c statement_timeout={2 * BUSY_SECONDS}s"
        connect: dict[str, Any] = {"connect_timeout": BUSY_SECONDS, "options": options}
        return create_engine(
            url, pool_pre_ping=True, pool_timeout=BUSY_SECONDS, connect_args=connect
        )
    # Opening must not quietly make an empty database where the real one went missing.
    query = {"mode": "rwc" if create else "rw", "uri": "true"}
    url = url.set(database=f"file:{quote(str(sqlite_file(database_url)))}", query=query)
    connect = {"timeout": BUSY_SECONDS, "isolation_level": "IMMEDIATE"}
    return create_engine(url, pool_timeout=BUSY_SECONDS, connect_args=connect)


def sqlite_file(database_url: str) -> Path:
    """The file of a SQLite address; relative ones count from the project's folder."""
    return ROOT / (make_url(database_url).database or "")


def _refuse_other_schema(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    try:
        cursor.execute("SELECT version_num FROM alembic_version")
        row = cursor.fetchone()
    finally:
        cursor.close()
        connection.rollback()
    if row is None or row[0] != SCHEMA:
        raise ResultsUnavailable(
            "Our list of results was made by another version of this site.",
            cause=f"the database is at revision {row and row[0]}, this code needs {SCHEMA}: "
            "run `python db_setup.py`, or deploy the version of the site that made it",
        )


def _cause(error: Exception) -> str:
    """The driver's own words: SQLAlchemy's would hold the statement and its values."""
    words = " ".join(str(error.orig if isinstance(error, DBAPIError) else error).split())
    cure = next((cure for sign, cure in CURES.items() if sign in words), None)
    return f"{words}: {cure}" if cure else words


def _to_row(result: Result) -> dict[str, Any]:
    answer, verdict = result.answer, result.answer.verdict
    return {
        "status": READY,
        "created_at": _naive(result.created_at),
        "question": result.question,
        "s3_key": result.picture_key,
        "marked_key": result.marked_key,
        "said": result.said,
        "min_confidence": result.min_confidence,
        "width": result.width,
        "height": result.height,
        "several_frames": result.several_frames,
        "duck_found": verdict.found,
        "confidence_score": verdict.score,
        "bounding_box_data": [asdict(box) for box in verdict.boxes],
        "because": [asdict(label) for label in verdict.because],
        "missing": list(verdict.missing),
        "labels": [asdict(label) for label in answer.labels],
        "engine": answer.engine,
        "instead_of": answer.instead_of,
    }


def _from_row(row: dict[str, Any]) -> Result:
    verdict = Verdict(
        because=tuple(_label(each) for each in row["because"]),
        missing=tuple(row["missing"]),
        boxes=tuple(Box(**each) for each in row["bounding_box_data"]),
    )
    labels = tuple(_label(each) for each in row["labels"])
    return Result(
        id=row["id"],
        created_at=row["created_at"].replace(tzinfo=UTC),
        question=row["question"],
        said=row["said"],
        min_confidence=row["min_confidence"],
        width=row["width"],
        height=row["height"],
        several_frames=row["several_frames"],
        picture_key=row["s3_key"],
        marked_key=row["marked_key"],
        answer=Answer(labels, verdict, row["engine"], row["instead_of"]),
    )


def _label(row: dict[str, Any]) -> Label:
    boxes = tuple(Box(**each) for each in row["boxes"])
    return Label(row["name"], row["confidence"], boxes, tuple(row["parents"]))


def _naive(moment: datetime) -> datetime:
    # SQLite keeps no time zone; everything is UTC on both databases.
    return moment.astimezone(UTC).replace(tzinfo=None)
