"""Whether any object has a name, without importing named_objects."""

from sqlalchemy import column, exists, select, table

from rubberduck.db.engine import Database
from rubberduck.db.tables import READY

photos = table("named_object_photos", column("status"))


def has_named_objects(database: Database) -> bool:
    """Return whether any named object has a photo. Raises ResultsUnavailable."""
    query = select(exists().where(photos.c.status == READY).select_from(photos))
    with database.transaction() as connection:
        return bool(connection.scalar(query))
