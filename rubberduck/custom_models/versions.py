"""The versions of projects' models: every change of state is one conditional update.

A job makes at most one version: the row carries its id, and a job that runs again after a crash
finds it. States have the names of Custom Labels.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, select

from rubberduck.core.ids import random_id
from rubberduck.custom_models.errors import NoSuchProject
from rubberduck.custom_models.model_version import (
    BUSY,
    DELETING,
    EMBEDDED,
    FAILED,
    REKOGNITION,
    TRAINED,
    TRAINING,
    USABLE,
    ModelVersion,
    Trained,
    now,
    version_from_row,
)
from rubberduck.custom_models.tables import (
    model_versions,
    project_pictures,
    projects,
    version_pictures,
)
from rubberduck.custom_models.version_errors import NoSuchVersion, TrainingWaits, VersionBusy
from rubberduck.db.engine import Database, is_storable
from rubberduck.db.tables import READY

ID_BYTES = 12
MAX_MESSAGE, MAX_NAME = 500, 100
BATCH = 500
row = model_versions.c


class Versions:
    """Versions by project and number. Every method raises ResultsUnavailable if it fails."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def begin(  # noqa: PLR0913 - a row has many columns
        self,
        project_id: str,
        job_id: str,
        *,
        created_by: str,
        labels: Iterable[tuple[str, str]],
        engine: str = EMBEDDED,
        seed: int = 0,
    ) -> ModelVersion:
        """Return the version that this job trains, with the next number if it has none yet.

        One that failed or was cancelled is in training again, also where its deletion has not come
        to its end. Raises NoSuchProject, and TrainingWaits while another job trains one at Amazon:
        two clicks must not cost twice.
        """
        with self.database.transaction(writing=True) as connection:
            # Takes the lock on the project's row, so that numbers are given one at a time.
            mine = and_(projects.c.id == project_id, projects.c.status == READY)
            taken = projects.c.next_version
            statement = projects.update().where(mine).values(next_version=taken)
            if not connection.execute(statement).rowcount:
                raise NoSuchProject
            if engine == REKOGNITION:
                _require_no_other_at_amazon(connection, project_id, job_id)
            of_job = and_(row.project_id == project_id, row.job_id == job_id)
            known = connection.execute(model_versions.select().where(of_job)).mappings().first()
            if known is not None:
                is_untrained = and_(row.state.in_((FAILED, DELETING)), row.trained_at.is_(None))
                again = and_(row.id == known["id"], is_untrained)
                _update(connection, again, state=TRAINING, state_message="")
                return _get(connection, row.id == known["id"])
            number = connection.scalar(select(taken).where(mine)) or 1
            connection.execute(projects.update().where(mine).values(next_version=number + 1))
            id = random_id(ID_BYTES)
            values = {
                "id": id,
                "project_id": project_id,
                "number": number,
                "name": f"v{number}",
                "engine": engine,
                "state": TRAINING,
                "state_message": "",
                "created_at": now(),
                "created_by": created_by,
                "job_id": job_id,
                "seed": seed,
                "labels": [list(label) for label in labels],
                "pictures": 0,
                "withdrawn_pictures": 0,
                "is_default": False,
                "may_start_itself": False,
                "should_run": False,
                "units": 1,
            }
            connection.execute(model_versions.insert(), values)
            return _get(connection, row.id == id)

    def rename(self, id: str, name: str) -> None:
        """Give the version a name of its own, at most MAX_NAME characters."""
        with self.database.transaction(writing=True) as connection:
            _update(connection, row.id == id, name=name[:MAX_NAME])

    def set_labels(self, id: str, labels: Iterable[tuple[str, str]]) -> None:
        """Give a version in training the labels, which were not known when it began."""
        mine = and_(row.id == id, row.state == TRAINING)
        with self.database.transaction(writing=True) as connection:
            _update(connection, mine, labels=[list(label) for label in labels])

    def complete(self, id: str, job_id: str, trained: Trained) -> bool:
        """Save the result of a training, once. Return False if the job may not, or has already."""
        mine = and_(row.id == id, row.job_id == job_id, row.state == TRAINING)
        with self.database.transaction(writing=True) as connection:
            values = {"state": TRAINED, "state_message": "", **trained.values()}
            return _save(connection, id, mine, values, trained.splits)

    def replace_file(self, id: str, old_trunk: str, trained: Trained) -> bool:
        """Save a training anew for another trunk. Return False if the file is another by now."""
        same = and_(row.id == id, row.trunk_sha256 == old_trunk, row.state.in_(USABLE))
        with self.database.transaction(writing=True) as connection:
            return _save(connection, id, same, trained.values(), trained.splits)

    def fail(self, id: str, job_id: str, message: str) -> bool:
        """Save why the training failed, in plain words. Return False if it has ended."""
        mine = and_(row.id == id, row.job_id == job_id, row.state == TRAINING)
        with self.database.transaction(writing=True) as connection:
            return _update(connection, mine, state=FAILED, state_message=message[:MAX_MESSAGE])

    def change_state(self, id: str, from_states: Sequence[str], to: str, **values: Any) -> bool:
        """Move to another state, with further columns. Return False if it is in none of these."""
        here = and_(row.id == id, row.state.in_(from_states))
        with self.database.transaction(writing=True) as connection:
            return _update(connection, here, state=to, **values)

    def list_all(self, project_id: str) -> list[ModelVersion]:
        """Return the project's versions, newest first."""
        query = model_versions.select().where(row.project_id == project_id)
        with self.database.transaction() as connection:
            found = connection.execute(query.order_by(row.number.desc())).mappings().all()
        return [version_from_row(each) for each in found]

    def projects_in_training(self) -> list[str]:
        """Return the ids of projects with a version that its row says is in training."""
        query = select(row.project_id).where(row.state == TRAINING).distinct()
        with self.database.transaction() as connection:
            return [*connection.scalars(query)]

    def get(self, project_id: str, number: int) -> ModelVersion:
        """Return the version with this number. Raises NoSuchVersion."""
        if not is_storable(project_id) or not 0 < number < 2**31:
            raise NoSuchVersion
        with self.database.transaction() as connection:
            return _get(connection, _numbered(project_id, number))

    def find(self, id: str) -> ModelVersion:
        """Return the version with this id. Raises NoSuchVersion."""
        with self.database.transaction() as connection:
            return _get(connection, row.id == id)

    def set_default(self, project_id: str, number: int | None) -> None:
        """Let this version answer who chose none; None: none does. Raises NoSuchVersion."""
        with self.database.transaction(writing=True) as connection:
            others = and_(row.project_id == project_id, row.is_default.is_(True))
            _update(connection, others, is_default=False)
            if number is not None:
                trained = and_(_numbered(project_id, number), row.state.in_(USABLE))
                if not _update(connection, trained, is_default=True):
                    _get(connection, _numbered(project_id, number))
                    raise VersionBusy("Only a version that is trained can answer.")

    def mark_deleting(self, project_id: str, number: int) -> ModelVersion:
        """Hide a version before its file is deleted; return it as it was.

        Raises VersionBusy, NoSuchVersion.
        """
        if not is_storable(project_id) or not 0 < number < 2**31:
            raise NoSuchVersion
        which = _numbered(project_id, number)
        with self.database.transaction(writing=True) as connection:
            # One that should run may run at Amazon already, before the answer is known here.
            idle = and_(which, row.state.not_in(BUSY), row.should_run.is_(False))
            before = _get(connection, which)
            if not _update(connection, idle, state=DELETING, is_default=False):
                raise VersionBusy("A version that is in training or running is not deleted.")
            return before

    def undo_deletion(self, before: ModelVersion) -> None:
        """Show a version again, as it was before `mark_deleting`: it could not be deleted."""
        state = before.state
        if state == DELETING:  # an earlier deletion was killed
            state = TRAINED if before.trained_at else FAILED
        hidden = and_(row.id == before.id, row.state == DELETING)
        with self.database.transaction(writing=True) as connection:
            other = connection.scalar(select(row.id).where(row.is_default))  # chosen meanwhile
            is_default = before.is_default and other is None
            _update(connection, hidden, state=state, is_default=is_default)

    def forget(self, id: str) -> None:
        """Delete the rows of a version whose file is gone."""
        with self.database.transaction(writing=True) as connection:
            mine = version_pictures.c.version_id == id
            connection.execute(version_pictures.delete().where(mine))
            gone = and_(row.id == id, row.state == DELETING)
            connection.execute(model_versions.delete().where(gone))

    def splits(self, id: str) -> dict[str, str]:
        """Return the side (train, validation, test) of each of its pictures that still exists."""
        query = select(version_pictures.c.picture_id, version_pictures.c.split)
        with self.database.transaction() as connection:
            found = connection.execute(query.where(version_pictures.c.version_id == id))
            return {each.picture_id: each.split for each in found}


def _require_no_other_at_amazon(connection: Connection, project_id: str, job_id: str) -> None:
    trains = and_(row.engine == REKOGNITION, row.state == TRAINING, row.job_id != job_id)
    if connection.scalar(select(row.id).where(row.project_id == project_id, trains)) is not None:
        raise TrainingWaits


def _save(
    connection: Connection,
    id: str,
    where: ColumnElement[bool],
    values: Mapping[str, Any],
    splits: Mapping[str, str],
) -> bool:
    """Update the version and its list of pictures; those deleted meanwhile are withdrawn."""
    if not _update(connection, where, **values):
        return False
    ids, present = sorted(splits), set()
    for start in range(0, len(ids), BATCH):
        some = project_pictures.c.id.in_(ids[start : start + BATCH])
        query = select(project_pictures.c.id).where(some, project_pictures.c.status == READY)
        present |= set(connection.scalars(query))
    connection.execute(version_pictures.delete().where(version_pictures.c.version_id == id))
    rows = [{"version_id": id, "picture_id": p, "split": splits[p]} for p in ids if p in present]
    if rows:
        connection.execute(version_pictures.insert(), rows)
    gone = sum(side != "test" for picture, side in splits.items() if picture not in present)
    _update(connection, row.id == id, withdrawn_pictures=gone)
    return True


def _update(connection: Connection, where: ColumnElement[bool], **values: Any) -> bool:
    return connection.execute(model_versions.update().where(where).values(**values)).rowcount > 0


def _get(connection: Connection, where: ColumnElement[bool]) -> ModelVersion:
    found = connection.execute(model_versions.select().where(where)).mappings().first()
    if found is None:
        raise NoSuchVersion
    return version_from_row(found)


def _numbered(project_id: str, number: int) -> ColumnElement[bool]:
    return and_(row.project_id == project_id, row.number == number)
