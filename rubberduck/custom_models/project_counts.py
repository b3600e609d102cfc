"""How many pictures a project has; the database counts as it writes, see `tables`."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection, select

from rubberduck.custom_models.tables import project_counts
from rubberduck.db.engine import Database

row = project_counts.c


@dataclass(frozen=True)
class Counts:
    """Pictures of a project, and those with each label (an id).

    `stored` and `bytes` include pictures that are being stored or deleted: what the quota is about.
    """

    stored: int = 0
    bytes: int = 0
    pictures: int = 0
    labelled: int = 0
    nothing: int = 0
    by_label: Mapping[str, int] = field(default_factory=dict)

    @property
    def unlabelled(self) -> int:
        return self.pictures - self.labelled


def counts_of(database: Database, project_ids: Collection[str]) -> dict[str, Counts]:
    """Return the counts of each project, in the order of the ids. Raises ResultsUnavailable."""
    query = project_counts.select().where(row.project_id.in_(project_ids))
    found = {id: Counts() for id in project_ids}
    labels: dict[str, dict[str, int]] = {id: {} for id in project_ids}
    with database.transaction() as connection:
        for id, label, stored, size, pictures, labelled, empty in connection.execute(query):
            if label:
                labels[id][label] = pictures
            else:
                found[id] = Counts(stored, size, pictures, labelled, empty, labels[id])
    return found


def lock_counts(connection: Connection, project_id: str) -> None:
    """Lock the rows of a project, in the order in which triggers write them.

    For a transaction of several statements that change counts; a single one locks in this order.
    """
    query = select(row.label).where(row.project_id == project_id).order_by(row.label)
    connection.execute(query.with_for_update())
