"""Which models answer, and whether any may cost something, without importing custom_models."""

import re
from dataclasses import dataclass

from sqlalchemy import JSON, Boolean, RowMapping, and_, column, exists, or_, select, table

from rubberduck.db.engine import Database

versions = table(
    "model_versions",
    column("id"),
    column("project_id"),
    column("number"),
    column("engine"),
    column("state"),
    column("labels", JSON),
    column("file_key"),
    column("file_sha256"),
    column("arn"),
    column("is_default", Boolean),
    column("may_start_itself", Boolean),
    column("should_run", Boolean),
    column("units"),
    column("metered_until"),
    column("started_at"),
)
projects = table(
    "projects", column("id"), column("status"), column("name"), column("kind"), column("question")
)
ACTIVE = ("STARTING", "RUNNING", "STOPPING")
MAX_DETECTOR_NAME = 64  # characters of what a result says that it was answered by
STARTABLE = ("TRAINING_COMPLETED", "STOPPED", "COPYING_COMPLETED")
row, project = versions.c, projects.c


def may_cost(database: Database) -> bool:
    """Return whether any model at Amazon should run, or was seen to. Raises ResultsUnavailable."""
    is_active = or_(row.should_run, row.state.in_(ACTIVE), row.metered_until.is_not(None))
    query = select(exists().where(row.engine == "rekognition", is_active).select_from(versions))
    with database.transaction() as connection:
        return bool(connection.scalar(query))


@dataclass(frozen=True)
class AnsweringModel:
    """A version that answers visitors, or would start if one asked: one for each project."""

    project_id: str
    name: str  # of the project
    kind: str
    question: str
    labels: tuple[str, ...]
    version_id: str
    number: int
    engine: str
    arn: str | None
    file_key: str | None
    file_sha256: str | None
    units: int
    is_running: bool
    is_default: bool
    starts_itself: bool

    @property
    def is_remote(self) -> bool:
        return self.engine == "rekognition"

    @property
    def detector_name(self) -> str:
        return self.name[:MAX_DETECTOR_NAME]

    @property
    def detector_version(self) -> str:
        """Return what answers are shared by: a version that was trained again has another file."""
        version = f"{self.number}-{self.version_id}"
        return f"{version}+{self.file_sha256[:12]}" if self.file_sha256 else version

    def has_answered(self, detector_version: str | None) -> bool:
        """Return whether a result with this version is an answer of this version of a model.

        Whichever file it had, and whichever least confidence was asked for.
        """
        version = re.escape(f"{self.number}-{self.version_id}")
        end = r"(?![\w-])"  # of the id
        return re.match(version + end, detector_version or "") is not None


def answering_models(
    database: Database, *, start_at_amazon: bool = False
) -> tuple[AnsweringModel, ...]:
    """Return the models by their projects' names. Raises ResultsUnavailable.

    `start_at_amazon`: also those there that a visitor may start; without it, only embedded ones.
    """
    runs = and_(row.should_run, row.state == "RUNNING")
    may_start = and_(row.may_start_itself, row.state.in_(STARTABLE))
    if not start_at_amazon:
        may_start = and_(may_start, row.engine != "rekognition")
    query = (
        select(versions, project.name.label("project_name"), project.kind, project.question)
        .join_from(versions, projects, project.id == row.project_id)
        .where(project.status == "ready", or_(runs, may_start))
        .order_by(project.name, runs, row.is_default, row.number)
    )
    with database.transaction() as connection:
        found = connection.execute(query).mappings().all()
    # Of several versions of a project, the last: one that runs, of several the default, else the
    # newest. So says custom_models.life.answering_order, too.
    return tuple({each["project_id"]: _model(each) for each in found}.values())


@dataclass(frozen=True)
class RestingModel:
    """A model that could answer visitors, and does not at the moment."""

    name: str  # of the project
    is_starting: bool


def resting_model(database: Database, project_id: str) -> RestingModel | None:
    """Return a project's model that is trained, or was started. Raises ResultsUnavailable."""
    is_trained = or_(row.started_at.is_not(None), row.state.in_(STARTABLE))
    starts = and_(row.should_run, row.state == "STARTING")
    query = (
        select(project.name, starts.label("starts"))
        .join_from(versions, projects, project.id == row.project_id)
        .where(project.id == project_id, project.status == "ready", is_trained)
        .order_by(starts.desc())
    )
    with database.transaction() as connection:
        found = connection.execute(query).first()
    return RestingModel(found.name, bool(found.starts)) if found else None


def _model(found: RowMapping) -> AnsweringModel:
    return AnsweringModel(
        project_id=found["project_id"],
        name=found["project_name"],
        kind=found["kind"],
        question=found["question"],
        labels=tuple(name for _, name in found["labels"]),
        version_id=found["id"],
        number=found["number"],
        engine=found["engine"],
        arn=found["arn"],
        file_key=found["file_key"],
        file_sha256=found["file_sha256"],
        units=found["units"],
        is_running=bool(found["should_run"]) and found["state"] == "RUNNING",
        is_default=bool(found["is_default"]),
        starts_itself=bool(found["may_start_itself"]),
    )
