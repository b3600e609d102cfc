"""The life of a model version as its row has it: what is wanted, and what was last seen.

`should_run` is what is wanted; `state` is what the service said last. All changes of one row are
made under its lock, and together with their amounts in the ledger.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, cast

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, or_, select

from rubberduck.aws.version_states import (
    RUNNING,
    STARTING,
    STATES,
    STOPPING,
    VersionState,
    state_of,
)
from rubberduck.custom_models.hosting_errors import NoSuchModel
from rubberduck.custom_models.tables import model_versions, projects
from rubberduck.db.engine import Database, is_storable, to_naive_utc, upsert
from rubberduck.db.tables import READY, leases

Engine = Literal["embedded", "rekognition"]
EMBEDDED, REKOGNITION = "embedded", "rekognition"
UNTRAINED = {state.name for state in STATES.values() if not state.is_trained}
SLOTS = "model slots"  # a row that whoever starts a model at Amazon locks
row = model_versions.c
IS_READY = projects.c.status == READY
TIMES = ("started_at", "last_used_at", "lease_until", "ceiling_at", "metered_until")
COLUMNS = (
    row.id,
    row.project_id,
    row.number,
    row.name,
    row.engine,
    row.state,
    row.state_message,
    row.arn,
    row.is_default,
    row.may_start_itself,
    row.should_run,
    row.units,
    row.started_by,
    *(row[name] for name in TIMES),
)


@dataclass(frozen=True)
class Life:
    """A version's life. Times are UTC.

    `started_at` names the run. `lease_until`: nobody asked since, so it is stopped; `ceiling_at`:
    it is stopped then in any case. What it costs until `metered_until` is in the ledger, ahead of
    time while it runs; None while it costs nothing.
    """

    id: str
    project_id: str
    project_name: str
    project_arn: str | None
    number: int
    name: str
    engine: Engine
    state: str
    state_message: str
    arn: str | None
    is_default: bool
    may_start_itself: bool
    should_run: bool
    units: int
    started_by: str | None
    started_at: datetime | None
    last_used_at: datetime | None
    lease_until: datetime | None
    ceiling_at: datetime | None
    metered_until: datetime | None

    @property
    def service_state(self) -> VersionState:
        return state_of(self.state)

    @property
    def is_trained(self) -> bool:
        """Return whether its training succeeded: then it has a life, also in states that are new.

        Until then its job writes the row.
        """
        return self.state not in UNTRAINED

    @property
    def is_running(self) -> bool:
        """Return whether it answers, as far as is known."""
        return self.state == RUNNING

    @property
    def is_embedded(self) -> bool:
        return self.engine == EMBEDDED

    @property
    def awaits_start(self) -> bool:
        """Return whether Amazon has not accepted a start yet, which is repeated until it does."""
        return self.should_run and not self.is_embedded and not self.service_state.may_bill

    @property
    def run_id(self) -> str:
        """Return what the run's schedule is called: that of the next one has another name.

        So whoever ends a run cannot delete the schedule of a run that has just begun.
        """
        started = f"{self.started_at:%Y%m%dT%H%M%S%f}" if self.started_at else "elsewhere"
        return f"{self.id}-{started}"

    @property
    def title(self) -> str:
        return f"{self.project_name} {self.number}"


class Lives:
    """The lives of all versions. Every method raises ResultsUnavailable when the database fails."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def get(self, id: str) -> Life:
        """Return the life of a version. Raises NoSuchModel."""
        with self.database.transaction() as connection:
            return _one(connection, row.id == id if is_storable(id) else row.id.is_(None))

    def numbered(self, project_id: str, number: int) -> Life:
        """Return the life of a project's version by its number.

        Raises NoSuchModel, also for a project that is being deleted.
        """
        if not is_storable(project_id) or number >= 2**31:
            raise NoSuchModel
        where = and_(row.project_id == project_id, row.number == number, IS_READY)
        with self.database.transaction() as connection:
            return _one(connection, where)

    def all(self, *where: ColumnElement[bool]) -> list[Life]:
        with self.database.transaction() as connection:
            found = connection.execute(_query(*where).order_by(row.id)).mappings().all()
        return list(map(_life, found))

    def running(self) -> list[Life]:
        """Return the versions that answer."""
        return self.all(row.should_run, row.state == RUNNING)

    def beside(self, life: Life) -> list[Life]:
        """Return the project's other versions that run, or are about to."""
        return self.all(row.project_id == life.project_id, row.id != life.id, row.should_run)

    def at_amazon(self, started_since: datetime | None = None) -> list[Life]:
        """Return the versions at Amazon; with `started_since`, those that may cost something."""
        where = [row.engine == REKOGNITION, projects.c.arn.is_not(None)]
        if started_since is not None:
            active = row.state.in_((STARTING, RUNNING, STOPPING))
            recent = row.started_at >= to_naive_utc(started_since)
            where.append(or_(row.should_run, active, row.metered_until.is_not(None), recent))
        return self.all(*where)

    def project_arns(self) -> set[str]:
        """Return the projects that Amazon has, also those without a version in the table."""
        with self.database.transaction() as connection:
            query = select(projects.c.arn).where(projects.c.arn.is_not(None))
            return set(connection.scalars(query))

    @contextmanager
    def changing(
        self, id: str, *, slots: bool = False
    ) -> Iterator[tuple[Connection, Life, Callable[..., None]]]:
        """Lock the row; give its life and a function that sets columns. Raises NoSuchModel.

        With `slots`, wait first for others who start a model at Amazon.
        """
        with self.database.transaction(writing=True) as connection:
            if slots:
                _lock_slots(connection)
            own = row.id == id if is_storable(id) else row.id.is_(None)
            life = _one(connection, own, locked=True)

            def change(**values: Any) -> None:
                stored = {name: _stored(value) for name, value in values.items()}
                connection.execute(model_versions.update().where(row.id == id), stored)

            yield connection, life, change

    def make_default(self, id: str | None) -> None:
        """Make this version, and no other, the one that answers who chose none."""
        with self.database.transaction(writing=True) as connection:
            connection.execute(model_versions.update().where(row.is_default), {"is_default": False})
            if id is not None:
                own = model_versions.update().where(row.id == id)
                connection.execute(own, {"is_default": True})


def answering_order(life: Life) -> tuple[bool, int]:
    """Return what running versions of a project are sorted by: the last one answers.

    See db.model_activity.answering_models.
    """
    return life.is_default, life.number


def _lock_slots(connection: Connection) -> None:
    values = {"name": SLOTS, "holder": "", "free_at": datetime(2000, 1, 1)}
    connection.execute(upsert(connection.dialect.name, leases).on_conflict_do_nothing(), values)
    connection.execute(select(leases.c.name).where(leases.c.name == SLOTS).with_for_update())


def require_project(connection: Connection, project_id: str) -> None:
    """Raise NoSuchModel if the project is being deleted."""
    query = select(projects.c.id).where(projects.c.id == project_id, IS_READY)
    if connection.scalar(query) is None:
        raise NoSuchModel


def others_at_amazon(connection: Connection, id: str) -> int:
    """Return how many other versions run at Amazon, or are about to, or still end."""
    active = or_(row.should_run, row.state.in_((STARTING, RUNNING, STOPPING)))
    query = select(row.id).where(row.engine == REKOGNITION, row.id != id, active)
    return len(connection.execute(query).all())


def _query(*where: ColumnElement[bool]) -> Any:
    own = select(*COLUMNS, projects.c.name.label("project_name"), projects.c.arn.label("home"))
    return own.join(projects, projects.c.id == row.project_id).where(*where)


def _one(connection: Connection, where: ColumnElement[bool], *, locked: bool = False) -> Life:
    query = _query(where)
    if locked:
        query = query.with_for_update(of=model_versions)
    found = connection.execute(query).mappings().first()
    if found is None:
        raise NoSuchModel
    return _life(found)


def _life(found: RowMapping) -> Life:
    values: dict[str, Any] = dict(cast(Mapping[str, Any], found))
    values["project_arn"] = values.pop("home")
    for name in TIMES:
        values[name] = values[name] and values[name].replace(tzinfo=UTC)
    return Life(**values)


def _stored(value: Any) -> Any:
    return to_naive_utc(value) if isinstance(value, datetime) else value
