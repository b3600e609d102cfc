"""What the site does with jobs: rows only. A worker hands them over to the engine."""

import logging
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from typing import Any

from sqlalchemy import func, select

from rubberduck.core.errors import DuckError, JobsUnavailable, TooManyJobs
from rubberduck.core.ids import random_id
from rubberduck.db.engine import Database
from rubberduck.jobs.executors import Executors
from rubberduck.jobs.models import ACTIVE, Job, Viewer
from rubberduck.jobs.store import JobStore

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
        self._enqueue(id, kind, owner, arguments)
        return id

    def enqueue_unless_active(
        self, kinds: Sequence[str], kind: str, owner: str, **arguments: Any
    ) -> str | None:
        """Queue a job as `enqueue` does; None while a job of the owner of these kinds is active.

        Of requests at the same moment, one queues its job.
        """
        id = random_id()
        return id if self._enqueue(id, kind, owner, arguments, kinds) else None

    def _enqueue(
        self,
        id: str,
        kind: str,
        owner: str,
        arguments: dict[str, Any],
        unless_active: Sequence[str] = (),
    ) -> bool:
        future = self._pool.submit(self._insert, id, kind, owner, arguments, unless_active)
        try:
            return future.result(ENQUEUE_SECONDS)
        except FutureTimeout:
            future.add_done_callback(lambda late: self._withdraw(id, late))
            raise _unavailable(f"no answer in {ENQUEUE_SECONDS:g} s") from None
        except TooManyJobs:
            raise
        except DuckError as error:
            raise _unavailable(error.operator_message) from error

    def get(self, id: str, owner: str | Viewer | None = None) -> Job:
        return self.store.get(id, owner)

    def retry(self, id: str, owner: str | Viewer | None, unless_active: Sequence[str] = ()) -> bool:
        """Queue the owner's failed or cancelled job again.

        Return False while the owner has an active job of a kind in `unless_active`. Raises
        TooManyJobs, as `enqueue` does; JobEnded, NoSuchJob.
        """
        self._require_room(self.store.get(id, owner).owner)
        return self.store.retry(id, owner, unless_active)

    def check(self) -> None:
        """Raise JobsUnavailable if the engine's tables are missing in PostgreSQL."""
        if self.store.database.engine.dialect.name != "postgresql":
            return  # the worker makes the engine's file
        with self.store.database.transaction() as connection:
            if connection.scalar(select(func.to_regclass(ENGINE_TABLE))) is None:
                cause = "the job engine's tables are missing; run `python db_setup.py`"
                raise _unavailable(cause)

    def has_worker(self) -> bool:
        """Return whether a worker has reported within the last 20 seconds."""
        return bool(self.executors.living())

    def _insert(
        self,
        id: str,
        kind: str,
        owner: str,
        arguments: dict[str, Any],
        unless_active: Sequence[str],
    ) -> bool:
        self._require_room(owner)
        return self.store.insert(id, kind, owner, arguments, unless_active)

    def _require_room(self, owner: str) -> None:
        counts = self.store.count(owner)
        if sum(counts[state] for state in ACTIVE) >= self.max_active_per_owner:
            raise TooManyJobs(
                "You have {number} jobs that wait or run, as many as this site allows.",
                number=self.max_active_per_owner,
            )

    def _withdraw(self, id: str, late: "Future[bool]") -> None:
        """Delete a job that was queued after its sender was told that it was not."""
        if late.exception() is None and late.result():
            try:
                self.store.cancel(id)
                self.store.delete(id)
            except DuckError as error:
                log.warning("job not withdrawn job=%s cause=%s", id, error.operator_message)


def _unavailable(cause: str) -> JobsUnavailable:
    return JobsUnavailable("The database did not take it in time.", cause=cause)
