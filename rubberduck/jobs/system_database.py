"""The engine's own tables: jobs.db beside a SQLite database, or the schema `dbos` in PostgreSQL."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event, make_url

from rubberduck.core.settings import ROOT, SQLITE
from rubberduck.db.engine import engine_for, sqlite_file

SCHEMA = "dbos"
BUSY_SECONDS = 3.0
# In a driver's message: the file is damaged.
DAMAGED = ("file is not a database", "malformed")
DAMAGED_ADVICE = (
    "it is damaged; stop the site and rename it: the worker makes a new one, and jobs that were "
    "active start again"
)


def system_engine(database_url: str) -> Engine:
    """Return SQLAlchemy's engine for DBOS: its own prepares statements and waits 30 s for locks."""
    if not database_url.startswith(SQLITE):
        return engine_for(database_url)
    url = make_url(f"{SQLITE}{system_file(database_url)}")
    options = {"timeout": BUSY_SECONDS, "isolation_level": "IMMEDIATE"}
    engine = create_engine(url, connect_args=options)
    event.listen(engine, "connect", _configure_sqlite)
    return engine


def system_file(database_url: str) -> Path:
    """Return the file of the engine's tables, beside the SQLite database."""
    return file_beside(sqlite_file(database_url))


def file_beside(database: Path) -> Path:
    """Return the file of the engine's tables, beside this SQLite database."""
    return database.with_name("jobs.db" if database.name != "jobs.db" else "jobs-engine.db")


def problem_of(file: Path) -> str | None:
    """Read the whole file of the engine's tables; return what is wrong, None if nothing is."""
    try:
        with closing(sqlite3.connect(file, BUSY_SECONDS)) as connection:
            found = connection.execute("PRAGMA quick_check").fetchall()
    except sqlite3.Error as error:
        return with_advice(str(error), file)
    return None if found == [("ok",)] else f"{file}: {found[0][0]}; {DAMAGED_ADVICE}"


def with_advice(cause: str, file: Path) -> str:
    """Return a driver's message about this file, with what to do if it is damaged."""
    is_damaged = any(part in cause for part in DAMAGED)
    return f"{file}: {cause}; {DAMAGED_ADVICE}" if is_damaged else f"{file}: {cause}"


def system_folder(database_url: str) -> Path:
    """Return the folder of what a machine's workers share."""
    is_sqlite = database_url.startswith(SQLITE)
    return sqlite_file(database_url).parent if is_sqlite else ROOT / "instance"


def create_schema(database_url: str) -> None:
    """Create or upgrade the engine's tables in PostgreSQL; on SQLite the worker does it."""
    # DBOS.migrate has no `use_listen_notify`, and its triggers for LISTEN could never be removed.
    from dbos._serialization import DefaultSerializer
    from dbos._sys_db import SystemDatabase

    engine = system_engine(database_url)
    database = SystemDatabase.create(
        system_database_url="postgresql://custom:system@database/engine",
        engine_kwargs={},
        engine=engine,
        schema=SCHEMA,
        serializer=DefaultSerializer(),
        executor_id=None,
        use_listen_notify=False,
    )
    try:
        database.run_migrations()
    finally:
        database.destroy()
        engine.dispose()  # it keeps connections of an engine that it did not make


def _configure_sqlite(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")  # a killed process loses nothing
    connection.execute("PRAGMA foreign_keys = ON")
