"""Makes or upgrades the results database: `python db_setup.py`, as often as you like."""

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

from rubberduck.core.settings import ROOT, InvalidSettings, load_settings
from rubberduck.db.engine import engine_for, sqlite_file, still_serves
from rubberduck.db.tables import SCHEMA

# Any number does, as long as nobody else on the same PostgreSQL takes it: "duck" in hexadecimal.
LOCK = 0x6475636B


class CannotSetUp(Exception):
    """The database cannot be made or upgraded; the words say why and what to do."""


def set_up(database_url: str) -> tuple[str | None, str | None]:
    """Upgrade to this code's revision; answers with the revisions before and after."""
    config = Config()
    config.set_main_option("script_location", str(ROOT / "migrations"))
    scripts = ScriptDirectory.from_config(config)
    known = {script.revision for script in scripts.walk_revisions()}
    with _alone(database_url) as connection:
        before = MigrationContext.configure(connection).get_current_revision()
        if before is not None and before not in known:
            if still_serves(connection.connection.cursor(), before):
                return before, before
            raise CannotSetUp(
                f"The database is at revision {before}, newer than this code knows. "
                "Deploy the version of the site that made it; nothing was changed."
            )
        config.attributes["connection"] = connection
        if connection.dialect.name == "sqlite":
            # Python begins no transaction for CREATE TABLE there; half an upgrade must not stay.
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        command.upgrade(config, "head")
        connection.commit()
        return before, scripts.get_current_head()


@contextmanager
def _alone(database_url: str) -> Iterator[Connection]:
    """A connection, while every other set-up of the same database waits."""
    if make_url(database_url).get_backend_name() == "sqlite":
        with _alone_on_sqlite(database_url) as connection:
            yield connection
        return
    with _connected(database_url) as connection:
        # The lock goes with the connection, also if we are killed. Waiting may take a while.
        connection.execute(text("SET lock_timeout = 0"))
        connection.execute(text("SET statement_timeout = 0"))
        connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": LOCK})
        connection.commit()
        yield connection
        connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": LOCK})


@contextmanager
def _alone_on_sqlite(database_url: str) -> Iterator[Connection]:
    file = sqlite_file(database_url)
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.with_name(file.name + ".setup").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        is_new = not file.exists()
        if not is_new and file.stat().st_size == 0:
            raise CannotSetUp(
                f"{file} is there, but empty. If it held results, put the backup back; "
                "if not, delete it and run this again."
            )
        try:
            with _connected(database_url, create=True) as connection:
                # Kept in the file: readers and a writer do not wait for each other.
                connection.exec_driver_sql("PRAGMA journal_mode = WAL")
                yield connection
        except BaseException:
            if is_new:  # a full disk, say: an empty file would look like a lost database
                for end in ("", "-wal", "-shm", "-journal"):
                    file.with_name(file.name + end).unlink(missing_ok=True)
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
        before, after = set_up(load_settings().database_url)
    except (InvalidSettings, CannotSetUp) as error:
        sys.exit(str(error))
    except (SQLAlchemyError, OSError) as error:
        sys.exit(f"The database cannot be set up: {getattr(error, 'orig', error)}")
    if before is None:
        print(f"Made a new results database, revision {after}.")
    elif before == after != SCHEMA:
        print(f"The database is at revision {before}, newer than this code, and serves it still.")
    elif before != after:
        print(f"Upgraded the results database from revision {before} to {after}.")


if __name__ == "__main__":
    main()
