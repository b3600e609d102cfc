"""Deletions of projects that stopped halfway."""

from contextlib import suppress

from rubberduck.core.errors import JobEnded
from rubberduck.core.ids import random_id
from rubberduck.custom_models.projects import Projects
from rubberduck.db.engine import Database
from rubberduck.jobs.models import CANCELLED, DELETE_PROJECT, FAILED, PROJECT
from rubberduck.jobs.store import JobStore


def resume_deletions(database: Database) -> int:
    """Queue the deletion of each hidden project that has no active one; return their number.

    A job that failed or was cancelled is tried again, so that a deletion that Amazon refuses for
    days has one row. Raises ResultsUnavailable.
    """
    store = JobStore(database)
    return sum(_resume(store, id) for id in Projects(database).deleting())


def _resume(store: JobStore, project_id: str) -> bool:
    owner = f"{PROJECT}{project_id}"
    for job in store.newest(owner, (FAILED, CANCELLED)):
        if job.kind == DELETE_PROJECT:
            with suppress(JobEnded):  # somebody else has just tried it again
                return store.retry(job.id, unless_active=(DELETE_PROJECT,))
            return False
    arguments = {"project_id": project_id}
    return store.insert(random_id(), DELETE_PROJECT, owner, arguments, (DELETE_PROJECT,))
