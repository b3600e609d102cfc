"""Create or upgrade the results database: `python db_setup.py`. Idempotent."""

import fcntl
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, make_url, text
from sqlalchemy.exc import SQLAlchemyError

from rubberduck.core.settings import ROOT, InvalidSettings
from rubberduck.core.settings_loading import load_settings
from rubberduck.db.engine import engine_for, is_still_compatible, sqlite_file
from rubberduck.db.tables import SCHEMA

# Key of the PostgreSQL advisory lock; any number that no other program uses: "duck" in hexadecimal.
ADVISORY_LOCK = 0x6475636B


class CannotSetUp(Exception):
    """The database cannot be created or upgraded; the message says why and what to do."""


def set_up(database_url: str) -> tuple[str | None, str | None]:
    """Upgrade to this code's revision. Return the revisions before and after."""
    config = Config()
    # Configparser reads % as the start of a reference.
    config.set_main_option("script_location", str(ROOT / "migrations").replace("%", "%%"))
    scripts = ScriptDirectory.from_config(config)
    known = {script.revision for script in scripts.walk_revisions()}
    with _exclusive(database_url) as connection:
        before = MigrationContext.configure(connection).get_current_revision()
        if before is not None and before not in known:
            if is_still_compatible(connection.connection.cursor(), before):
                return before, before
            raise CannotSetUp(
                f"The database is at revision {before}, newer than this code knows. "
                "Deploy the version of the site that made it; nothing was changed."
            )
        config.attributes["connection"] = connection
        if connection.dialect.name == "sqlite":
            # The driver begins no transaction for CREATE TABLE; half an upgrade must not stay.
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        command.upgrade(config, "head")
        connection.commit()
        return before, scripts.get_current_head()


def set_up_jobs(database_url: str) -> None:
    """Create or upgrade the job engine's tables in PostgreSQL; on SQLite its worker does that."""
    if make_url(database_url).get_backend_name() != "sqlite":
        from rubberduck.jobs.system_database import create_schema

        create_schema(database_url)


@contextmanager
def _exclusive(database_url: str) -> Iterator[Connection]:
    """Yield a connection while other set-ups of the same database wait."""
    if make_url(database_url).get_backend_name() == "sqlite":
        with _exclusive_sqlite(database_url) as connection:
            yield connection
        return
    with _connected(database_url) as connection:
        if connection.scalar(text("SHOW server_encoding")) == "SQL_ASCII":
            raise CannotSetUp(
                "The PostgreSQL database is in SQL_ASCII, which is no text encoding. "
                "Create it anew: CREATE DATABASE duck ENCODING 'UTF8' TEMPLATE template0."
            )
        # One transaction for all: a pooler may give the next one to another connection.
        connection.execute(
            text(
                "SELECT set_config('lock_timeout', '0', true),"
                " set_config('statement_timeout', '0', true)"
            )
        )
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": ADVISORY_LOCK})
        yield connection


@contextmanager
def _exclusive_sqlite(database_url: str) -> Iterator[Connection]:
    file = sqlite_file(database_url)
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.with_name(file.name + ".setup").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        is_new = not file.exists()
        if not is_new and file.stat().st_size == 0:
            raise CannotSetUp(
                f"{file} exists, but is empty. If it held results, restore the backup; "
                "if not, delete it and run this again."
            )
        try:
            with _connected(database_url, create=True) as connection:
                # Stored in the file; readers and a writer do not block each other.
                connection.exec_driver_sql("PRAGMA journal_mode = WAL")
                yield connection
        except BaseException:
            if is_new:  # an empty file would look like a lost database
                for suffix in ("", "-wal", "-shm", "-journal"):
                    file.with_name(file.name + suffix).unlink(missing_ok=True)
            raise


@contextmanager
def _connected(database_url: str, *, create: bool = False) -> Iterator[Connection]:
    engine = engine_for(database_url, create=create)
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def main() -> None:
    try:
        database_url = load_settings().database_url
        before, after = set_up(database_url)
        set_up_jobs(database_url)
    except (InvalidSettings, CannotSetUp) as error:
        sys.exit(str(error))
    except (SQLAlchemyError, OSError) as error:
        sys.exit(f"The database cannot be set up: {getattr(error, 'orig', error)}")
    if before is None:
        print(f"Created the results database at revision {after}.")
    elif before == after != SCHEMA:
        print(
            f"The database is at revision {before}, newer than this code, and compatible with it."
        )
    elif before != after:
        print(f"Upgraded the results database from revision {before} to {after}.")


if __name__ == "__main__":
    main()
