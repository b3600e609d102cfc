"""Delete pictures of projects: hide the rows, delete the objects, then the rows.

So a deletion that was interrupted at any point is found again by its rows, and ended by the sweep.
Versions that were trained with a picture count it as withdrawn.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, func, select

from rubberduck.core.errors import StorageFailed
from rubberduck.custom_models.errors import PicturesWouldGo
from rubberduck.custom_models.tables import (
    annotations,
    model_versions,
    project_pictures,
    projects,
    version_pictures,
)
from rubberduck.db.engine import Database, to_naive_utc
from rubberduck.db.tables import DELETING, PENDING, READY
from rubberduck.storage.base import Storage

BATCH = 500
PENDING_TTL = timedelta(minutes=10)  # an upload takes seconds; a longer one was interrupted
row = project_pictures.c


def hide_pictures(connection: Connection, chosen: ColumnElement[bool]) -> int:
    """Hide pictures inside the caller's transaction; `delete_hidden` does the rest.

    Versions that were trained with them say so; of those that only test them nothing is learnt.
    """
    ids = select(row.id).where(chosen, row.status != DELETING)
    lost = (
        select(version_pictures.c.version_id, func.count())
        .where(version_pictures.c.picture_id.in_(ids), version_pictures.c.split != "test")
        .group_by(version_pictures.c.version_id)
        .order_by(version_pictures.c.version_id)  # rows are locked in one order
    )
    for version_id, number in connection.execute(lost).all():
        withdrawn = model_versions.c.withdrawn_pictures + number
        of = model_versions.c.id == version_id
        connection.execute(model_versions.update().where(of).values(withdrawn_pictures=withdrawn))
    hide = project_pictures.update().where(chosen, row.status != DELETING)
    return connection.execute(hide.values(status=DELETING)).rowcount


def hide_in_batches(database: Database, chosen: ColumnElement[bool]) -> int:
    """Hide any number of pictures, in transactions that PostgreSQL ends in time; return it."""
    query = select(row.id).where(chosen, row.status != DELETING).limit(BATCH)
    hidden = 0
    while True:
        with database.transaction(writing=True) as connection:
            ids = connection.scalars(query).all()
            hidden += hide_pictures(connection, row.id.in_(ids))
        if len(ids) < BATCH:
            return hidden


def delete_pictures(database: Database, storage: Storage, chosen: ColumnElement[bool]) -> int:
    """Hide and delete the chosen pictures; return their number.

    Raises StorageFailed if an object could not be deleted: the pictures are hidden then, and the
    sweep tries again.
    """
    with database.transaction(writing=True) as connection:
        hidden = hide_pictures(connection, chosen)
    delete_hidden(database, storage, chosen)
    return hidden


def delete_hidden(
    database: Database, storage: Storage, chosen: ColumnElement[bool] | None = None
) -> int:
    """Delete the objects and rows of hidden pictures, all or the chosen; return their number.

    Raises the first StorageFailed after all others were tried.
    """
    hidden = row.status == DELETING
    query = select(row.id, row.key, row.preview_key).order_by(row.id).limit(BATCH)
    query = query.where(hidden if chosen is None else and_(hidden, chosen))
    last, done = "", 0
    failures: list[StorageFailed] = []
    while True:
        with database.transaction() as connection:
            batch = connection.execute(query.where(row.id > last)).all()
        if not batch:
            break
        last = batch[-1].id
        failed = storage.delete_all(key for each in batch for key in (each.key, each.preview_key))
        failures += failed.values()
        gone = [each.id for each in batch if not {each.key, each.preview_key} & failed.keys()]
        with database.transaction(writing=True) as connection:
            _delete_rows(connection, gone)
        done += len(gone)
    if failures:
        raise failures[0]
    return done


def _delete_rows(connection: Connection, ids: Sequence[str]) -> None:
    connection.execute(annotations.delete().where(annotations.c.picture_id.in_(ids)))
    of = version_pictures.c.picture_id.in_(ids)
    connection.execute(version_pictures.delete().where(of))
    connection.execute(project_pictures.delete().where(row.id.in_(ids)))


def hide_due(database: Database, now: datetime) -> int:
    """Hide what is past its project's retention, and uploads that were interrupted."""
    abandoned = and_(row.status == PENDING, row.created_at < to_naive_utc(now - PENDING_TTL))
    hidden = hide_in_batches(database, abandoned)
    kept = select(projects.c.id, projects.c.keep_days).where(
        projects.c.keep_days.is_not(None), projects.c.status == READY
    )
    with database.transaction() as connection:
        limits = connection.execute(kept).all()
    for project_id, days in limits:
        hidden += hide_in_batches(database, _expired(project_id, days, now))
    return hidden


def _expired(project_id: str, days: int, now: datetime) -> ColumnElement[bool]:
    """Return the condition for pictures that a project keeps no longer."""
    return and_(
        row.project_id == project_id, row.created_at < to_naive_utc(now - timedelta(days=days))
    )


def require_none_expired(
    connection: Connection, project_id: str, before: int | None, after: int | None
) -> None:
    """Raise PicturesWouldGo if pictures are older than a retention that was shortened."""
    if after is None or (before is not None and before <= after):
        return
    labelled = func.count().filter(row.revision > 0)
    expired = _expired(project_id, after, datetime.now(UTC))
    query = select(func.count(), labelled).where(expired, row.status == READY)
    number, with_labels = connection.execute(query).one()
    if number:
        raise PicturesWouldGo(
            "Pictures that are older than this limit: {number}. Of these labelled: {labelled}.",
            number=number,
            labelled=with_labels,
        )


def of_results(result_ids: Sequence[str]) -> ColumnElement[bool]:
    """Return the condition for pictures that came from these visitors' results."""
    return row.result_id.in_(result_ids)
