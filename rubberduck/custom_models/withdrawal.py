"""Visitors' pictures in projects, as their visitors see them, and how they leave.

A picture is listed on its visitor's "My pictures" as long as it is in a project, also after its
result has expired. It leaves all projects when the visitor takes it back, withdraws the consent,
or deletes the result or everything.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, and_, select

from rubberduck.core.errors import NoSuchResult, Unavailable
from rubberduck.custom_models.picture_deletion import delete_hidden, hide_pictures
from rubberduck.custom_models.tables import project_pictures, projects
from rubberduck.db.engine import Database, is_storable
from rubberduck.db.tables import READY
from rubberduck.storage.base import Storage

row = project_pictures.c


@dataclass(frozen=True)
class Taken:
    """A visitor's picture in a project, as "My pictures" lists it."""

    picture_id: str
    result_id: str
    project: str
    created_at: datetime


def taken_from(database: Database, owner: str) -> list[Taken]:
    """Return the visitor's pictures in projects, the newest first."""
    query = (
        select(row.id, row.result_id, row.created_at, projects.c.name)
        .join(projects, projects.c.id == row.project_id)
        .where(row.owner == owner, row.status == READY, projects.c.status == READY)
        .order_by(row.created_at.desc())
    )
    with database.transaction() as connection:
        found = connection.execute(query).all()
    return [
        Taken(each.id, each.result_id, each.name, each.created_at.replace(tzinfo=UTC))
        for each in found
    ]


def preview_key(database: Database, picture_id: str, owner: str) -> str:
    """Return the key of the preview of the visitor's own picture. Raises NoSuchResult."""
    mine = and_(row.id == picture_id, row.owner == owner, row.status == READY)
    if not is_storable(picture_id):
        raise NoSuchResult
    with database.transaction() as connection:
        key = connection.scalar(select(row.preview_key).where(mine))
    if key is None:
        raise NoSuchResult
    return str(key)


def withdraw(
    database: Database,
    storage: Storage,
    *,
    owner: str | None = None,
    result_ids: Collection[str] | None = None,
    picture_id: str | None = None,
) -> int:
    """Delete a visitor's pictures from all projects: all, or those chosen; return their number.

    They are hidden at once. What cannot be deleted at the moment is left to the sweep.
    """
    chosen = _chosen(owner, result_ids, picture_id)
    with database.transaction(writing=True) as connection:
        hidden = hide_pictures(connection, chosen)
    if hidden:
        try:
            delete_hidden(database, storage, chosen)
        except Unavailable:
            return hidden
    return hidden


def _chosen(
    owner: str | None, result_ids: Collection[str] | None, picture_id: str | None
) -> ColumnElement[bool]:
    conditions: list[ColumnElement[bool]] = [row.result_id.is_not(None)]
    if owner is not None:
        conditions.append(row.owner == owner)
    if result_ids is not None:
        conditions.append(row.result_id.in_([id for id in result_ids if is_storable(id)]))
    if picture_id is not None:
        conditions.append(row.id == (picture_id if is_storable(picture_id) else ""))
    return and_(*conditions)
