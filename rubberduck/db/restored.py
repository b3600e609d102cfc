"""When the database was last restored: it may then lack rows of pictures that are stored.

A row holds the identity that the database had when it was last looked at. A copy made by pg_restore
brings the row along, but has an identity of its own: its table has another number. So has one that
was recovered to a point in time (another timeline). What no database can notice, such as a disk's
snapshot, an operator says with `flask restored`.
"""

from datetime import UTC, datetime

from sqlalchemy import Connection, select, text

from rubberduck.db.engine import Database, to_naive_utc, upsert
from rubberduck.db.sqlite_files import restored_at as sqlite_restored_at
from rubberduck.db.tables import database_identity

MAY_READ_CONTROL = text("SELECT has_function_privilege('pg_control_checkpoint()', 'execute')")
CLUSTER = text(
    "SELECT system_identifier || ' ' || timeline_id FROM pg_control_system(),"
    " pg_control_checkpoint()"
)
TABLE = text(
    "SELECT oid || ' ' || 'duck_results'::regclass::oid FROM pg_database"
    " WHERE datname = current_database()"
)


def restored_at(database: Database) -> datetime | None:
    """Return when a restore was last noticed, if ever. Raises ResultsUnavailable."""
    with database.transaction(writing=True) as connection:
        identity = _identity(connection)
        row = connection.execute(select(database_identity)).first()
        if row is None:
            _write(connection, identity, None)
        elif row.identity != identity:
            _write(connection, identity, datetime.now(UTC))
        noticed = connection.scalar(select(database_identity.c.restored_at))
    moments = [noticed.replace(tzinfo=UTC)] if noticed else []
    if database.file and (moment := sqlite_restored_at(database.file)):
        moments.append(moment)
    return max(moments, default=None)


def mark_restored(database: Database) -> None:
    """Note that the database was restored just now. Raises ResultsUnavailable."""
    with database.transaction(writing=True) as connection:
        _write(connection, _identity(connection), datetime.now(UTC))


def _identity(connection: Connection) -> str:
    """Return what pg_restore does not copy; nothing on SQLite, whose restore leaves a file."""
    if connection.dialect.name != "postgresql":
        return ""
    may_read = connection.scalar(MAY_READ_CONTROL)  # an administrator may have revoked it
    return " ".join(
        connection.scalar(each) for each in ((CLUSTER, TABLE) if may_read else (TABLE,))
    )


def _write(connection: Connection, identity: str, moment: datetime | None) -> None:
    values = {"identity": identity, "restored_at": moment and to_naive_utc(moment)}
    insert = upsert(connection.dialect.name, database_identity)
    statement = insert.on_conflict_do_update(index_elements=["only_row"], set_=values)
    connection.execute(statement, {"only_row": 1, **values})
