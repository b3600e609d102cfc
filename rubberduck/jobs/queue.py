"""What the site does with jobs: rows only. A worker hands them over to the engine."""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import suppress
from typing import Any

from sqlalchemy import func, select

from rubberduck.core.errors import (
    DuckError,
    JobEnded,
    JobsUnavailable,
    NoSuchJob,
    ResultsUnavailable,
)
from rubberduck.core.ids import random_id
from rubberduck.db.engine import Database
from rubberduck.jobs.executors import Executors
from rubberduck.jobs.models import ACTIVE, Job, Viewer
from rubberduck.jobs.store import JobStore, too_many_jobs
from rubberduck.jobs.system_database import file_beside, problem_of

log = logging.getLogger(__name__)
ENQUEUE_SECONDS = 3.0
ENGINE_TABLE = "dbos.workflow_status"


class JobQueue:
    """The jobs and whether a worker runs. Raises ResultsUnavailable when the database fails."""

    def __init__(self, database: Database, max_active_per_owner: int) -> None:
        self.store = JobStore(database)
        self.executors = Executors(database)
        self.max_active_per_owner = max_active_per_owner
        self._pool = ThreadPoolExecutor(4, thread_name_prefix="enqueue")

    def enqueue(self, kind: str, owner: str, **arguments: Any) -> str:
        """Queue a job and return its id; `arguments` are what JSON can hold.

        Raises TooManyJobs, and JobsUnavailable if the database takes more than ENQUEUE_SECONDS.
        """
        id = random_id()
        self._enqueue(id, kind, owner, arguments, max_active=self.max_active_per_owner)
        return id

    def enqueue_unless_active(
        self, kinds: Sequence[str], kind: str, owner: str, **arguments: Any
    ) -> str | None:
        """Queue a job as `enqueue` does; None while a job of the owner of these kinds is active.

        Of requests at the same moment, one queues its job.
        """
        id = random_id()
        is_queued = self._enqueue(id, kind, owner, arguments, kinds, self.max_active_per_owner)
        return id if is_queued else None

    def enqueue_beyond_limit(self, kind: str, owner: str, **arguments: Any) -> str:
        """Queue a job however many the owner has: one that makes room. Raises JobsUnavailable."""
        id = random_id()
        self._enqueue(id, kind, owner, arguments)
        return id

    def cancel_others(self, owner: str, id: str) -> None:
        """Cancel all active jobs of the owner but this one."""
        for job in self.store.newest(owner, ACTIVE, self.max_active_per_owner + 1):
            if job.id != id:
                with suppress(JobEnded, NoSuchJob):  # meanwhile
                    self.store.cancel(job.id)

    def _enqueue(  # noqa: PLR0913, PLR0917 - the job, and what it depends on
        self,
        id: str,
        kind: str,
        owner: str,
        arguments: dict[str, Any],
        unless_active: Sequence[str] = (),
        max_active: int | None = None,
    ) -> bool:
        return self._write(
            lambda: self.store.insert(id, kind, owner, arguments, unless_active, max_active),
            lambda: self.store.withdraw(id),
        )

    def _write(self, write: Callable[[], bool], undo: Callable[[], None]) -> bool:
        """Return what `write` returns within ENQUEUE_SECONDS. Raises JobsUnavailable.

        What it writes later is undone: its sender was told that nothing was queued.
        """
        future = self._pool.submit(write)
        try:
            return future.result(ENQUEUE_SECONDS)
        except FutureTimeout:
            future.add_done_callback(lambda late: _undo(late, undo))
            raise _unavailable(f"no answer in {ENQUEUE_SECONDS:g} s") from None
        except ResultsUnavailable as error:
            raise _unavailable(error.operator_message) from error

    def get(self, id: str, owner: str | Viewer | None = None) -> Job:
        return self.store.get(id, owner)

    def require_room(self, owner: str) -> None:
        """Raise TooManyJobs if the owner's next job would be refused: before its data are sent."""
        counts = self.store.count(owner)
        if sum(counts[state] for state in ACTIVE) >= self.max_active_per_owner:
            raise too_many_jobs(self.max_active_per_owner)

    def retry(self, id: str, owner: str | Viewer | None, unless_active: Sequence[str] = ()) -> bool:
        """Queue the owner's failed or cancelled job again.

        Return False while the owner has an active job of a kind in `unless_active`. Raises
        TooManyJobs and JobsUnavailable, as `enqueue` does; JobEnded, NoSuchJob.
        """
        before: list[Job] = []

        def write() -> bool:
            before.append(self.store.get(id, owner))
            return self.store.retry(id, owner, unless_active, self.max_active_per_owner)

        return self._write(write, lambda: self.store.undo_retry(before[0]))

    def check(self) -> None:
        """Raise JobsUnavailable if the engine's tables are missing in PostgreSQL, or damaged."""
        if database := self.store.database.file:
            file = file_beside(database)  # the worker makes it
            if file.exists() and (problem := problem_of(file)):
                raise _unavailable(problem)
            return
        with self.store.database.transaction() as connection:
            if connection.scalar(select(func.to_regclass(ENGINE_TABLE))) is None:
                cause = "the job engine's tables are missing; run `python db_setup.py`"
                raise _unavailable(cause)

    def has_worker(self) -> bool:
        """Return whether a worker has reported within the last 20 seconds."""
        return bool(self.executors.living())


def _undo(late: "Future[bool]", undo: Callable[[], None]) -> None:
    """Undo what was written too late, if it was."""
    if late.exception() is None and late.result():
        try:
            undo()
        except DuckError as error:
            log.warning("late job not undone cause=%s", error.operator_message)


def _unavailable(cause: str) -> JobsUnavailable:
    return JobsUnavailable("The database did not take it in time.", cause=cause)
