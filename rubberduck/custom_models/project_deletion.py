"""Delete what a hidden project has: first objects, then rows. Each part may run again."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import islice

from sqlalchemy import func, select

from rubberduck.custom_models.picture_deletion import delete_hidden, hide_in_batches
from rubberduck.custom_models.project_keys import prefixes_of
from rubberduck.custom_models.tables import (
    annotations,
    model_versions,
    project_labels,
    project_pictures,
    projects,
    version_pictures,
)
from rubberduck.db.engine import Database
from rubberduck.db.tables import DELETING, emulator_records
from rubberduck.storage.base import Storage

BATCH = 1000  # keys in one request of S3
FUTURE = timedelta(days=365)  # objects "older than" this are all


def delete_objects_of(database: Database, storage: Storage, project_id: str) -> int:
    """Return the number of deleted objects. Raises StorageFailed; then it may run again."""
    of = project_pictures.c.project_id == project_id
    hide_in_batches(database, of)
    return 2 * delete_hidden(database, storage, of) + _delete_below(storage, project_id)


def _delete_below(storage: Storage, project_id: str) -> int:
    """Delete all objects below the project's prefixes; return their number."""
    deleted = 0
    keys = storage.keys_older_than(datetime.now(UTC) + FUTURE, prefixes_of(project_id))
    while batch := list(islice(keys, BATCH)):
        if failed := storage.delete_all(batch):
            raise next(iter(failed.values()))
        deleted += len(batch)
    return deleted


def delete_leftovers(database: Database, storage: Storage, project_ids: Iterable[str]) -> int:
    """Delete what was stored below deleted projects after their deletion; return how much.

    An upload or a training that is killed in the second in which its project goes leaves that.
    """
    with database.transaction() as connection:
        existing = set(connection.scalars(select(projects.c.id)))
    return sum(_delete_below(storage, id) for id in project_ids if id and id not in existing)


def delete_rows_of(database: Database, project_id: str) -> int:
    """Delete every row of a hidden project, its own last; return their number."""
    versions = select(model_versions.c.id).where(model_versions.c.project_id == project_id)
    tables = (project_pictures, annotations, model_versions, project_labels, emulator_records)
    with database.transaction(writing=True) as connection:
        of = version_pictures.c.version_id.in_(versions)
        deleted = connection.execute(version_pictures.delete().where(of)).rowcount
        for table in tables:
            statement = table.delete().where(table.c.project_id == project_id)
            deleted += connection.execute(statement).rowcount
        own = projects.delete().where(projects.c.id == project_id, projects.c.status == DELETING)
        return deleted + connection.execute(own).rowcount


def what_goes(database: Database, project_id: str) -> dict[str, int]:
    """Return how many pictures, versions and annotations a deletion would delete."""
    tables = {
        "pictures": project_pictures,
        "versions": model_versions,
        "annotations": annotations,
    }
    with database.transaction() as connection:
        return {
            name: connection.scalar(
                select(func.count()).select_from(table).where(table.c.project_id == project_id)
            )
            or 0
            for name, table in tables.items()
        }
