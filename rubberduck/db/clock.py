"""The time by the database's clock: leases of several machines must not depend on theirs."""

from datetime import UTC, datetime

from sqlalchemy import Connection, func, select

from rubberduck.db.engine import to_naive_utc


def database_now(connection: Connection) -> datetime:
    """Return the time, UTC without a zone as the columns have it; SQLite's is this machine's."""
    if connection.dialect.name == "sqlite":
        return to_naive_utc(datetime.now(UTC))
    now: datetime = connection.execute(
        select(func.timezone("utc", func.clock_timestamp()))
    ).scalar_one()
    return now
