"""The database behind the results: its tables, in SQLite or PostgreSQL, and its faults in words."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, Table, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError, DisconnectionError, SQLAlchemyError

from rubberduck.core.errors import ResultsUnavailable
from rubberduck.core.settings import ROOT

if TYPE_CHECKING:
    from sqlalchemy.dialects.sqlite import Insert
from rubberduck.db.tables import SCHEMA

# How long a writer waits for another one, on SQLite and on PostgreSQL. On SQLite up to twice: for
# others of its process, then for another process.
BUSY_SECONDS = 5
UNAVAILABLE_MESSAGE = "Our list of results cannot be opened."
# What an operator can do about a driver's words.
REMEDIES = {
    "alembic_version": "is the database there? `python db_setup.py` makes one",
    "unable to open": "is the database there? `python db_setup.py` makes one",
    "malformed": "the file is damaged; put the backup back",
    "not a database": "the file is damaged; put the backup back",
    "readonly": "make the file and its folder writable for the user who runs the site",
    "is full": "make room on the disk",
    "locked": "another process writes for too long; is a backup running?",
    "connection": "is PostgreSQL running, and DUCK_DATABASE_URL right?",
}


class Database:
    """Transactions on one database. Any fault of it is ResultsUnavailable."""

    def __init__(self, url: str) -> None:
        self.engine = engine_for(url)
        self._writer = threading.Lock()
        event.listen(self.engine, "connect", _refuse_other_schema)
        if self.engine.dialect.name == "sqlite":
            watch = _FileIdentityCheck(sqlite_file(url))
            event.listen(self.engine, "connect", watch.remember)
            event.listen(self.engine, "connect", _set_synchronous_normal)
            event.listen(self.engine, "checkout", watch.refuse_another)

    @contextmanager
    def transaction(self, *, writing: bool = False) -> Iterator[Connection]:
        """`writing`: where the database has one writer, that is us from the first statement on."""
        # In "connect" listeners the driver's errors arrive as they are.
        raw = self.engine.dialect.loaded_dbapi.Error
        one_writer = writing and self.engine.dialect.name == "sqlite"
        try:
            with self._turn(one_writer), self.engine.begin() as connection:
                # Python's driver begins on its own, but not before a SELECT.
                if one_writer:
                    connection.exec_driver_sql("BEGIN IMMEDIATE")
                yield connection
        except (SQLAlchemyError, raw) as error:
            raise ResultsUnavailable(UNAVAILABLE_MESSAGE, cause=_cause(error)) from error

    @contextmanager
    def _turn(self, one_writer: bool) -> Iterator[None]:
        """Threads that write queue here: SQLite would have each sleep and try again."""
        if not one_writer:
            yield
        elif self._writer.acquire(timeout=BUSY_SECONDS):
            try:
                yield
            finally:
                self._writer.release()
        else:
            raise ResultsUnavailable(
                UNAVAILABLE_MESSAGE,
                cause="others write for too long, in this process or in another; is the disk "
                "slow, or a backup running?",
            )

    def back_up(self, file: Path) -> None:
        """A copy of a SQLite database as it is at one moment, while others write on."""
        with self.transaction() as connection:
            connection.exec_driver_sql("VACUUM INTO ?", (str(file),))

    def close(self) -> None:
        self.engine.dispose()


class _FileIdentityCheck:
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
        # Of each worker. A request has one for milliseconds, and the smallest PostgreSQL of RDS has
        # 75 for all workers of all machines.
        pool = {"pool_size": 5, "max_overflow": 2, "pool_timeout": BUSY_SECONDS}
        options = f"-c lock_timeout={BUSY_SECONDS}s -c statement_timeout={2 * BUSY_SECONDS}s"
        connect: dict[str, Any] = {"connect_timeout": BUSY_SECONDS, "options": options}
        return create_engine(url, pool_pre_ping=True, connect_args=connect, **pool)
    # Opening must not quietly make an empty database where the real one went missing.
    query = {"mode": "rwc" if create else "rw", "uri": "true"}
    url = url.set(database=f"file:{quote(str(sqlite_file(database_url)))}", query=query)
    connect = {"timeout": BUSY_SECONDS, "isolation_level": "IMMEDIATE"}
    return create_engine(url, pool_timeout=BUSY_SECONDS, connect_args=connect)


def _set_synchronous_normal(connection: Any, _record: Any) -> None:
    """Not for the disk at each commit: in WAL mode this breaks nothing.

    A killed process loses nothing either. After a power cut the last seconds' results may be
    gone, as may be their pictures, which nobody waits for either; the database stays whole.
    """
    connection.execute("PRAGMA synchronous = NORMAL")


def sqlite_file(database_url: str) -> Path:
    """The file of a SQLite address; relative ones count from the project's folder."""
    return ROOT / (make_url(database_url).database or "")


def _refuse_other_schema(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    try:
        cursor.execute("SELECT version_num FROM alembic_version")
        row = cursor.fetchone()
        is_ours = row is not None and (row[0] == SCHEMA or still_serves(cursor, row[0]))
    finally:
        cursor.close()
        connection.rollback()
    if not is_ours:
        raise ResultsUnavailable(
            "Our list of results was made by another version of this site.",
            cause=f"the database is at revision {row and row[0]}, this code needs {SCHEMA}: "
            "run `python db_setup.py`, or deploy the version of the site that made it",
        )


def still_serves(cursor: Any, revision: str) -> bool:
    """Whether a database at a newer `revision` than this code's lets it work."""
    if revision <= SCHEMA:
        return False
    cursor.execute("SELECT works_from FROM compatibility")
    row = cursor.fetchone()
    return row is not None and row[0] <= SCHEMA


def _cause(error: Exception) -> str:
    """The driver's own words: SQLAlchemy's would hold the statement and its values."""
    words = " ".join(str(error.orig if isinstance(error, DBAPIError) else error).split())
    cure = next((cure for sign, cure in REMEDIES.items() if sign in words), None)
    return f"{words}: {cure}" if cure else words


def upsert(dialect: str, table: Table) -> "Insert":
    """An INSERT that knows ON CONFLICT: both databases have it, SQLAlchemy's common one has not."""
    # Not at the top: each of them starts without the other.
    if dialect == "sqlite":
        from sqlalchemy.dialects.sqlite import insert
    else:
        from sqlalchemy.dialects.postgresql import insert  # type: ignore[assignment]
    return insert(table)


def to_naive_utc(moment: datetime) -> datetime:
    # SQLite keeps no time zone; everything is UTC on both databases.
    return moment.astimezone(UTC).replace(tzinfo=None)
