"""Which versions a release has left on an old trunk; imports little, for the start of a worker."""

from typing import NamedTuple

from sqlalchemy import select

from rubberduck.custom_models.tables import model_versions
from rubberduck.db.engine import Database

row = model_versions.c
TRAINED = ("TRAINING_COMPLETED", "STARTING", "RUNNING", "STOPPING", "STOPPED")


class StaleVersion(NamedTuple):
    id: str
    project_id: str
    trunk_sha256: str


def stale_versions(database: Database, trunk_sha256: str) -> list[StaleVersion]:
    """Return the trained embedded versions whose files belong to another trunk."""
    query = select(row.id, row.project_id, row.trunk_sha256).where(
        row.engine == "embedded", row.state.in_(TRAINED), row.trunk_sha256 != trunk_sha256
    )
    with database.transaction() as connection:
        return [StaleVersion(*found) for found in connection.execute(query.order_by(row.id))]
