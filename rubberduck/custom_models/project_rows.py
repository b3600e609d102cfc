"""Which rows of which tables are a project's: what `everything` exports, beside its files."""

from typing import Any

from sqlalchemy import ColumnElement, Select, and_, or_, select

from rubberduck.accounts.tables import audit_log
from rubberduck.custom_models.projects import Project
from rubberduck.custom_models.tables import (
    annotations,
    model_versions,
    project_pictures,
    projects,
    version_pictures,
)
from rubberduck.db.engine import Database, to_naive_utc
from rubberduck.db.tables import emulator_records, job_log, jobs, ledger
from rubberduck.jobs.models import PROJECT

# The acts whose object is the project's name.
NAMED_ACTS = ("project.", "label.", "labels.", "pictures.")


def queries_of(database: Database, project: Project) -> dict[str, Select[Any]]:
    """Return the query of each kind of rows, by the name of its file. Raises ResultsUnavailable."""
    own = project.id
    versions = select(model_versions.c.id).where(model_versions.c.project_id == own)
    own_jobs = select(jobs.c.id).where(jobs.c.owner == f"{PROJECT}{own}")
    tables = {
        "pictures": project_pictures,
        "annotations": annotations,
        "versions": model_versions,
        "ledger": ledger,
        "emulator_records": emulator_records,
    }
    return {
        name: select(table).where(table.c.project_id == own) for name, table in tables.items()
    } | {
        "version_pictures": select(version_pictures).where(
            version_pictures.c.version_id.in_(versions)
        ),
        "jobs": select(jobs).where(jobs.c.id.in_(own_jobs)).order_by(jobs.c.created_at, jobs.c.id),
        "job_log": select(job_log).where(job_log.c.job_id.in_(own_jobs)).order_by(job_log.c.id),
        "audit_log": select(audit_log)
        .where(_is_about(project, _titles(database, project)))
        .order_by(audit_log.c.id),
    }


def _titles(database: Database, project: Project) -> list[str]:
    """Return what the audit list calls the models of the project, also those that are deleted."""
    query = select(projects.c.next_version).where(projects.c.id == project.id)
    with database.transaction() as connection:
        following = connection.scalar(query) or 1
    return [f"{project.name} {number}" for number in range(1, following)]


def _is_about(project: Project, titles: list[str]) -> ColumnElement[bool]:
    """Match what names the project's id; and its present name, where an entry has no id.

    Another project may have had the name before this one was made.
    """
    entry = audit_log.c
    id, project_id = (entry.details[name].as_string() for name in ("id", "project"))
    named = and_(or_(*map(entry.act.startswith, NAMED_ACTS)), entry.object == project.name)
    of_model = and_(entry.act.startswith("model."), entry.object.in_(titles))
    since = entry.at >= to_naive_utc(project.created_at)
    return or_(
        id == project.id,
        project_id == project.id,
        entry.object == project.id,
        and_(id.is_(None), since, or_(named, of_model)),
    )
