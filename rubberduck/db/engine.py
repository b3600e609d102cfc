"""Engine and transactions for SQLite and PostgreSQL, with advice for the operator on failures."""

import threading
import weakref
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, ExceptionContext, Table, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError, DisconnectionError, SQLAlchemyError

from rubberduck.core.errors import ResultsUnavailable
from rubberduck.core.settings import ROOT
from rubberduck.db import postgresql
from rubberduck.db.sqlite_files import InUseLock, checkpoint
from rubberduck.db.tables import SCHEMA

if TYPE_CHECKING:
    from sqlalchemy.dialects.sqlite import Insert

# How long a writer waits for another one. On SQLite up to twice: for threads of its process, then
# for other processes.
BUSY_SECONDS = 5
UNAVAILABLE_MESSAGE = "The results database is unavailable."
# Advice for the operator, by a fragment of the driver's message.
REMEDIES = {
    "alembic_version": "does the database exist? `python db_setup.py` creates it",
    "unable to open": "does the database exist? `python db_setup.py` creates it",
    "malformed": "the file is damaged; restore a backup",
    "not a database": "the file is damaged; restore a backup",
    "readonly": "make the file and its folder writable for the user who runs the site",
    "is full": "free some disk space",
    "locked": "another process holds the lock for too long; is a backup running?",
    "connection": "is PostgreSQL running, and DUCK_DATABASE_URL right?",
}


class Database:
    """Transactions on one database. Every failure is raised as ResultsUnavailable."""

    def __init__(self, url: str) -> None:
        self.engine = engine_for(url)
        # Also when the process ends: the last connection that closes removes SQLite's -wal file.
        # Listeners must not refer to `self`: the engine would keep this object alive.
        weakref.finalize(self, self.engine.dispose)
        closed = self._closed = threading.Event()
        event.listen(self.engine, "checkin", lambda _, entry: closed.is_set() and entry.close())
        self.file: Path | None = None  # of SQLite
        self._writer = threading.Lock()
        self._deadlines: postgresql.Deadlines | None = None
        if self.engine.dialect.name == "postgresql":
            driver_error = self.engine.dialect.loaded_dbapi.Error
            self._deadlines = deadlines = postgresql.Deadlines(driver_error)
            event.listen(self.engine, "connect", partial(_require_schema_within, deadlines))
            event.listen(self.engine, "checkout", deadlines.ping)
        else:
            event.listen(self.engine, "connect", _require_schema)
            self.file = sqlite_file(url)
            self._lock, check = InUseLock(self.file), _FileIdentityCheck(self.file)
            acquire = self._lock.acquire
            event.listen(self.engine, "do_connect", lambda *_: acquire())
            event.listen(self.engine, "connect", check.remember)
            event.listen(self.engine, "connect", _set_synchronous_normal)
            event.listen(self.engine, "checkout", check.require_same)
            event.listen(self.engine, "handle_error", _discard_readonly)

    @contextmanager
    def transaction(self, *, writing: bool = False) -> Iterator[Connection]:
        """Begin a transaction; with `writing`, take SQLite's single writer lock at once."""
        # "connect" listeners raise the driver's own errors.
        driver_error = self.engine.dialect.loaded_dbapi.Error
        single_writer = writing and self.engine.dialect.name == "sqlite"
        try:
            with (
                self._writer_lock(single_writer),
                self.engine.connect() as connection,
                self._deadline(connection),
                connection.begin(),
            ):
                # The driver begins a transaction itself, but not before a SELECT.
                if single_writer:
                    connection.exec_driver_sql("BEGIN IMMEDIATE")
                if self._deadlines:
                    connection.execute(postgresql.LIMITS)
                yield connection
        except (SQLAlchemyError, driver_error) as error:
            raise ResultsUnavailable(UNAVAILABLE_MESSAGE, cause=_cause(error)) from error

    def _deadline(self, connection: Connection) -> AbstractContextManager[None]:
        """Bound the transaction, its commit included, also when PostgreSQL does not answer."""
        if self._deadlines is None:
            return nullcontext()
        driver_connection = connection.connection.dbapi_connection
        return self._deadlines.within(driver_connection, postgresql.TRANSACTION_SECONDS)

    @contextmanager
    def _writer_lock(self, single_writer: bool) -> Iterator[None]:
        """Queue the writing threads here: SQLite would make each sleep and retry."""
        if not single_writer:
            yield
        elif self._writer.acquire(timeout=BUSY_SECONDS):
            try:
                yield
            finally:
                self._writer.release()
        else:
            raise ResultsUnavailable(
                UNAVAILABLE_MESSAGE,
                cause="writers held the lock for too long; is the disk slow, or a backup running?",
            )

    def back_up(self, file: Path) -> None:
        """Copy a SQLite database to `file` as a consistent snapshot, while others write."""
        with self.transaction() as connection:
            connection.exec_driver_sql("VACUUM INTO ?", (str(file),))

    def check_integrity(self) -> None:
        """Run SQLite's quick_check, which reads the whole file. Raises ResultsUnavailable."""
        if self.file is None:
            return
        with self.transaction() as connection:
            found = connection.exec_driver_sql("PRAGMA quick_check").scalars().all()
        if found != ["ok"]:
            cause = f"{found[0]}: the file is damaged; restore a backup with `flask restore`"
            raise ResultsUnavailable(UNAVAILABLE_MESSAGE, cause=cause)

    def is_pooled(self) -> bool:
        """Return whether the connection goes through a pooler such as PgBouncer."""
        if self._deadlines is None:
            return False
        with self.transaction() as connection:
            driver_connection: Any = connection.connection.dbapi_connection
            process = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar()
            return bool(driver_connection.info.backend_pid != process)

    def close(self) -> None:
        """Close the pooled connections and empty SQLite's write-ahead log.

        A connection that another thread still uses is closed when that thread returns it: dispose()
        forgets it, and SQLite's -wal file would stay until it is collected.
        """
        self._closed.set()
        self.engine.dispose()
        if self.file is not None:
            checkpoint(self.file)
            self._lock.release()


class _FileIdentityCheck:
    """Discards pooled connections to a SQLite file that was deleted, moved or replaced."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def remember(self, _connection: Any, record: Any) -> None:
        record.info["file"] = self._identity()

    def require_same(self, _connection: Any, record: Any, _proxy: Any) -> None:
        if record.info["file"] != self._identity():
            raise DisconnectionError("the database file was replaced")

    def _identity(self) -> tuple[int, int] | None:
        try:
            stat = self.file.stat()
        except OSError:
            return None
        return stat.st_dev, stat.st_ino


def engine_for(database_url: str, *, create: bool = False) -> Engine:
    """Return an engine for SQLite or PostgreSQL; only `create` may create a SQLite file."""
    url = make_url(database_url)
    if url.get_backend_name() != "sqlite":
        options = postgresql.POOL | {"pool_timeout": BUSY_SECONDS}
        engine = create_engine(url, connect_args=postgresql.CONNECT_ARGS, **options)
        event.listen(engine, "handle_error", postgresql.discard_lost)
        return engine
    # Opening must not create an empty database where the real one is missing.
    query = {"mode": "rwc" if create else "rw", "uri": "true"}
    url = url.set(database=f"file:{quote(str(sqlite_file(database_url)))}", query=query)
    connect: dict[str, Any] = {"timeout": BUSY_SECONDS, "isolation_level": "IMMEDIATE"}
    return create_engine(url, pool_timeout=BUSY_SECONDS, connect_args=connect)


def _discard_readonly(context: ExceptionContext) -> None:
    """Discard a read-only connection: it stays read-only when the file becomes writable."""
    if "readonly" in str(context.original_exception):
        context.is_disconnect = True


def _set_synchronous_normal(connection: Any, _record: Any) -> None:
    """Do not wait for the disk at each commit, which is safe in WAL mode.

    A killed process loses nothing. A power cut may lose the last seconds' results, as it may lose
    their pictures; the database stays consistent.
    """
    connection.execute("PRAGMA synchronous = NORMAL")


def sqlite_file(database_url: str) -> Path:
    """Return the file of a SQLite URL; relative paths start at the project's folder."""
    return ROOT / (make_url(database_url).database or "")


def _require_schema_within(deadlines: postgresql.Deadlines, connection: Any, record: Any) -> None:
    with deadlines.within(connection, postgresql.PING_SECONDS):
        _require_schema(connection, record)
    record.info["is_new"] = True  # needs no ping


def _require_schema(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    try:
        cursor.execute("SELECT version_num FROM alembic_version")
        row = cursor.fetchone()
        is_compatible = row is not None and (
            row[0] == SCHEMA or is_still_compatible(cursor, row[0])
        )
    finally:
        cursor.close()
        connection.rollback()
    if not is_compatible:
        raise ResultsUnavailable(
            "The results database belongs to another version of this site.",
            cause=f"the database is at revision {row and row[0]}, this code needs {SCHEMA}: "
            "run `python db_setup.py`, or deploy the version of the site that made it",
        )


def is_still_compatible(cursor: Any, revision: str) -> bool:
    """Return whether a database at a newer `revision` still works with this code."""
    if revision <= SCHEMA:
        return False
    cursor.execute("SELECT works_from FROM compatibility")
    row = cursor.fetchone()
    return row is not None and row[0] <= SCHEMA


def _cause(error: Exception) -> str:
    """Format the driver's message: SQLAlchemy's would contain the statement and its values."""
    message = " ".join(str(error.orig if isinstance(error, DBAPIError) else error).split())
    remedy = next((text for part, text in REMEDIES.items() if part in message), None)
    return f"{message}: {remedy}" if remedy else message


def upsert(dialect: str, table: Table) -> "Insert":
    """Return the dialect's INSERT with ON CONFLICT, which SQLAlchemy's generic one lacks."""
    # Imported late: only the dialect in use is loaded.
    if dialect == "sqlite":
        from sqlalchemy.dialects.sqlite import insert
    else:
        from sqlalchemy.dialects.postgresql import insert  # type: ignore[assignment]
    return insert(table)


def to_naive_utc(moment: datetime) -> datetime:
    # SQLite keeps no time zone; everything is UTC on both databases.
    return moment.astimezone(UTC).replace(tzinfo=None)


def is_storable(id: str) -> bool:
    """Return whether this can be the id of a row, all printable ASCII: PostgreSQL rejects NUL."""
    return id.isascii() and id.isprintable()
