"""Whether models may cost something at the moment, without importing custom_models."""

from sqlalchemy import column, exists, or_, select, table

from rubberduck.db.engine import Database

versions = table(
    "model_versions",
    column("engine"),
    column("state"),
    column("should_run"),
    column("metered_until"),
)
ACTIVE = ("STARTING", "RUNNING", "STOPPING")
row = versions.c


def may_cost(database: Database) -> bool:
    """Return whether any model at Amazon should run, or was seen to. Raises ResultsUnavailable."""
    is_active = or_(row.should_run, row.state.in_(ACTIVE), row.metered_until.is_not(None))
    query = select(exists().where(row.engine == "rekognition", is_active).select_from(versions))
    with database.transaction() as connection:
        return bool(connection.scalar(query))
