"""The engine of a worker: DBOS runs the jobs, and runs them again after a crash.

What DBOS lacks is here: it takes over the jobs of a dead worker only when asked to, and it does not
know our rows. All workers do the same, and all of it may happen twice.
"""

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from dbos import DBOS, DBOSConfig
from dbos import error as dbos_error
from sqlalchemy.exc import DataError, IntegrityError, SQLAlchemyError

from rubberduck.core.errors import DuckError, JobsUnavailable, ResultsUnavailable
from rubberduck.core.resources import disk_space
from rubberduck.core.sentences import Sentence
from rubberduck.core.settings import SQLITE
from rubberduck.db.engine import Database
from rubberduck.jobs import registry
from rubberduck.jobs.child import NOT_JSON
from rubberduck.jobs.context import Context, StepFailed
from rubberduck.jobs.executors import BEAT_SECONDS, DEAD_AFTER, Executors
from rubberduck.jobs.models import SITE, Job, Run
from rubberduck.jobs.steps import PROGRAM_FAULT, RunEnded, Steps
from rubberduck.jobs.store import JobStore
from rubberduck.jobs.system_database import SCHEMA, system_engine, system_file, with_advice

log = logging.getLogger(__name__)
T = TypeVar("T")
QUEUE, WAITING_QUEUE = "jobs", "waiting-jobs"
WORKFLOW, SCHEDULED = "run_job", "scheduled_job"
# Fixed: DBOS's own version is a hash of the code, and jobs of another version are never resumed.
APPLICATION, VERSION = "rubber-duck", "1"
FEED_SECONDS, SCHEDULER_SECONDS, RECONCILE_SECONDS, TIDY_SECONDS = 0.5, 5.0, 60.0, 3600.0
KEEP_WORKFLOWS = timedelta(days=2)  # the engine's rows of what has ended; the jobs' own stay
FEED_LIMIT, BATCH_SIZE = 50, 500
# Jobs that mostly wait, for each one that works: a thread, and for seconds a minute a child.
WAITING_FACTOR = 8
RETRY_SECONDS = 2.0
DISK_FULL = Sentence("It waits, because little of the disk is free.")
UNKNOWN_KIND = Sentence("This version of the site does not know jobs of the kind {kind}.")
REFUSED = Sentence("Its result cannot be saved. The log of the worker has the details.")
RUNNABLE = ("ENQUEUED", "PENDING", "DELAYED")  # DBOS's states of a workflow that is not over


class JobEngine:
    """Runs jobs in this process until `stop`."""

    def __init__(  # noqa: PLR0913 - each is a part or a limit
        self,
        database: Database,
        database_url: str,
        executor_id: str,
        steps: Steps,
        *,
        at_once: int,
        at_once_per_owner: int,
        min_free_disk: int,
        folders: Sequence[Path],
    ) -> None:
        self.store: JobStore = steps.store
        self.executors = Executors(database)
        self.database_url = database_url
        self.id = executor_id
        self.steps = steps
        self.at_once = at_once
        self.at_once_per_owner = at_once_per_owner
        self.min_free_disk = min_free_disk  # percent, of the disk of each of the folders
        self.folders = folders
        self._stopping = threading.Event()
        self._healthy_since: float | None = None  # the first beat of an unbroken series

    def start(self) -> None:
        """Launch DBOS, which resumes this worker's own jobs. Raises JobsUnavailable."""
        try:
            self._launch()
        except (SQLAlchemyError, dbos_error.DBOSException) as error:
            cause = " ".join(str(getattr(error, "orig", error)).split())
            if self.database_url.startswith(SQLITE):
                cause = with_advice(cause, system_file(self.database_url))
            raise JobsUnavailable("The job engine does not start.", cause=cause) from error
        threading.Thread(target=self._beat_forever, name="heartbeat", daemon=True).start()
        log.info("worker started executor=%s jobs_at_once=%d", self.id, self.at_once)

    def _launch(self) -> None:
        logging.getLogger("dbos").addHandler(logging.NullHandler())  # or it makes one of its own
        self._system = system_engine(self.database_url)
        config: DBOSConfig = {
            "name": APPLICATION,
            "application_version": VERSION,
            "executor_id": self.id,
            "system_database_engine": self._system,
            "dbos_system_schema": SCHEMA,
            "use_listen_notify": False,
            "run_migrations": self._system.dialect.name == "sqlite",
            "scheduler_polling_interval_sec": SCHEDULER_SECONDS,
            "log_level": "WARNING",
        }
        DBOS(config=config)

        @DBOS.workflow(name=WORKFLOW)  # which takes no bound method
        def run_job(id: str, attempt: int) -> None:
            self._run_job(id, attempt)

        @DBOS.workflow(name=SCHEDULED)
        def scheduled_job(scheduled_at: datetime, kind: str) -> None:
            self._enqueue_scheduled(scheduled_at, kind)

        DBOS.launch()
        self._register_queues()
        DBOS.apply_schedules(
            [
                {
                    "schedule_name": kind,
                    "workflow_fn": scheduled_job,
                    "schedule": cron,
                    "context": kind,
                }
                for kind, cron in registry.schedules().items()
            ]
        )

    def _register_queues(self) -> None:
        """Register both; a job that was handed over to one stays there, also over an upgrade."""
        DBOS.register_queue(
            QUEUE,
            worker_concurrency=self.at_once,
            partition_concurrency=self.at_once_per_owner,
            polling_interval_sec=FEED_SECONDS,
            on_conflict="always_update",
        )
        DBOS.register_queue(
            WAITING_QUEUE,
            worker_concurrency=WAITING_FACTOR * self.at_once,
            partition_concurrency=self.at_once_per_owner,
            polling_interval_sec=FEED_SECONDS,
            on_conflict="always_update",
        )

    def serve(self) -> None:
        """Hand waiting jobs over to DBOS and take those of dead workers, until `stop`."""
        next_recovery = next_reconcile = next_tidy = 0.0
        while not self._stopping.wait(FEED_SECONDS):
            now = time.monotonic()
            with _logged("jobs not handed over"):
                self._feed()
            if now >= next_recovery:
                next_recovery = now + BEAT_SECONDS
                with _logged("jobs of dead workers not taken over"):
                    self._recover()
            if now >= next_reconcile:
                next_reconcile = now + RECONCILE_SECONDS
                with _logged("jobs not compared with the engine"):
                    self._reconcile()
            if now >= next_tidy:
                next_tidy = now + TIDY_SECONDS
                with _logged("ended workflows not deleted"):
                    self._delete_ended_workflows()

    def stop(self) -> None:
        """Let `serve` return. Callable from a signal handler."""
        self._stopping.set()

    def close(self) -> None:
        """End all children and leave the jobs to others. The process must end after this.

        DBOS has no way to interrupt its threads, and needs none: what they did is resumed.
        """
        self._stopping.set()
        self.steps.stop()
        with _logged("worker not signed off"):
            self.executors.leave(self.id)
        self._system.dispose()
        log.info("worker stopped executor=%s", self.id)

    def _feed(self) -> None:
        held_back = registry.needing_disk() if self._is_disk_full() else []
        if held_back:
            self.store.explain_wait(held_back, DISK_FULL)
        for job in self.store.waiting(FEED_LIMIT, without=held_back):
            DBOS.enqueue_workflow_with_options(
                {
                    "workflow_name": WORKFLOW,
                    "queue_name": WAITING_QUEUE if registry.mostly_waits(job.kind) else QUEUE,
                    "workflow_id": job.workflow_id,  # known already after a crash: no second one
                    "queue_partition_key": job.owner,
                    "app_version": VERSION,
                },
                job.id,
                job.attempt,
            )
            self.store.mark_handed_over(job)

    def _is_disk_full(self) -> bool:
        disks = [disk_space(folder) for folder in self.folders]
        return any(100 * free < self.min_free_disk * total for free, total in disks)

    def _put_back(self, run: Run) -> bool:
        """Let a job that would begin on a full disk wait; it may have been handed over long ago."""
        if not self._is_disk_full():
            return False
        return self.store.put_back(run, registry.needing_disk(), DISK_FULL)

    def _recover(self) -> None:
        """Take over the jobs of workers that no longer report."""
        # After an outage of the database everybody seems dead until they have reported again.
        since = self._healthy_since
        if since is None or time.monotonic() - since < DEAD_AFTER.total_seconds():
            return
        for dead in self.executors.dead():
            if dead != self.id:
                taken = DBOS._recover_pending_workflows([dead])
                self.executors.forget(dead)
                log.warning("worker dead executor=%s jobs_taken_over=%d", dead, len(taken))

    def _reconcile(self) -> None:
        """Queue again what DBOS has lost or ended without a result."""
        jobs = {job.workflow_id: job for job in self.store.handed_over()}
        if not jobs:
            return
        known = DBOS.list_workflows(
            workflow_ids=list(jobs), status=list(RUNNABLE), load_input=False, load_output=False
        )
        for id in jobs.keys() - {workflow.workflow_id for workflow in known}:
            if self.store.requeue(jobs[id]):
                log.warning("job queued again job=%s attempt=%d", jobs[id].id, jobs[id].attempt)

    def _delete_ended_workflows(self) -> None:
        """Delete the engine's rows of what has ended, in batches."""
        before = (datetime.now(UTC) - KEEP_WORKFLOWS).isoformat()
        while ended := DBOS.list_workflows(
            completed_before=before, limit=BATCH_SIZE, load_input=False, load_output=False
        ):
            DBOS.delete_workflows([workflow.workflow_id for workflow in ended])

    def _beat_forever(self) -> None:
        while not self._stopping.is_set():
            try:
                self.executors.beat(self.id)
                self._healthy_since = self._healthy_since or time.monotonic()
            except DuckError as error:
                self._healthy_since = None
                log.warning("heartbeat lost cause=%s", error.operator_message)
            self._stopping.wait(BEAT_SECONDS)

    def _run_job(self, id: str, attempt: int) -> None:
        run = Run(id, attempt, self.id)
        if self._persist(lambda: self._put_back(run)):
            return
        if (job := self._persist(lambda: self.store.begin(run))) is None:
            return  # cancelled, or ended before a crash
        log.info("job started job=%s kind=%s attempt=%d", id, job.kind, attempt)
        try:
            result = self._call(job, run)
            if self._persist(lambda: self.store.finish(run, result)):
                log.info("job done job=%s kind=%s", id, job.kind)
        except RunEnded:
            log.info("job ended early job=%s", id)
        except (StepFailed, DuckError) as error:
            why: str
            if isinstance(error, DuckError):
                why, cause = error.problem.advice, error.operator_message
            else:
                why, cause = error.message, error.cause
            log.warning("job failed job=%s kind=%s cause=%s", id, job.kind, cause)
            self._persist(partial(self.store.fail, run, why))
        except BaseException as error:
            # DBOS raises a BaseException where another worker has taken the job over.
            if isinstance(error, Exception):
                log.exception("job failed job=%s kind=%s", id, job.kind)
                self._persist(lambda: self.store.fail(run, PROGRAM_FAULT))
            raise

    def _call(self, job: Job, run: Run) -> Any:
        if (function := registry.function_of(job.kind)) is None:
            raise StepFailed(UNKNOWN_KIND.fill(kind=job.kind), "unknown kind")
        result = function(Context(job, run, self.steps), **job.arguments)
        try:
            json.dumps(result, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise StepFailed(NOT_JSON, str(error)) from error
        return result

    def _enqueue_scheduled(self, scheduled_at: datetime, kind: str) -> None:
        """Queue the job of a schedule: the same id on all machines, so once."""
        id = f"{kind}-{scheduled_at:%Y-%m-%dT%H%M%S}"
        self._persist(lambda: self.store.insert(id, kind, SITE, {}))

    def _persist(self, write: Callable[[], T]) -> T:
        """Write to the job's row, and wait for the database as long as it takes.

        Raises StepFailed if the database refuses the values, as it would again.
        """
        while True:
            try:
                return write()
            except ResultsUnavailable as error:
                if isinstance(error.__cause__, DataError | IntegrityError):
                    raise StepFailed(REFUSED, error.operator_message) from error
                log.warning("job row not written cause=%s", error.operator_message)
                time.sleep(RETRY_SECONDS)


@contextmanager
def _logged(event: str) -> Iterator[None]:
    """Log a failure of a database; the next round tries again."""
    try:
        yield
    except DuckError as error:
        log.warning("%s cause=%s", event, error.operator_message)
    except SQLAlchemyError as error:
        log.warning("%s cause=%s", event, type(error).__name__)
