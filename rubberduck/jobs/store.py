"""The jobs' rows: every change of state is one conditional update.

The engine runs a job at least once, and a worker that was taken for dead may wake up. So a run
changes a row only while the row says that this attempt runs on this worker; a second result finds
the state changed, and is dropped.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, func, or_, select, tuple_

from rubberduck.core.errors import JobEnded, NoSuchJob, TooManyJobs
from rubberduck.core.sentences import Sentence, to_json
from rubberduck.db.cursors import cursor_of, position_of
from rubberduck.db.deduplication import ADVISORY_LOCK
from rubberduck.db.engine import Database, to_naive_utc, upsert
from rubberduck.db.tables import job_log, jobs
from rubberduck.jobs.models import (
    ACTIVE,
    CANCELLED,
    DONE,
    FAILED,
    PROJECT,
    QUEUED,
    RUNNING,
    STATES,
    UNCANCELLABLE,
    Job,
    JobPage,
    LogLine,
    Run,
    Viewer,
)

MAX_MESSAGE, MAX_ERROR, MAX_LINE = 200, 500, 2000  # characters
# Lines of a job's log.
CANCEL_LINE, DONE_LINE = Sentence("cancelled"), Sentence("done")
START_LINE, FAILED_LINE = Sentence("started on worker {executor}"), Sentence("failed: {error}")
AGAIN_LINE = Sentence("queued again")
LOST_LINE = Sentence("queued again: the engine had lost it")
SILENT: dict[str, Any] = {"message": "", "sentence": None}
ALMOST = 99  # percent; what runs is not complete before its result is saved
FIELDS = tuple(Job.__dataclass_fields__)
row = jobs.c


class JobStore:
    """Jobs by id. Every method raises ResultsUnavailable when the database fails."""

    def __init__(self, database: Database) -> None:
        self.database = database

    # What the site does

    def insert(  # noqa: PLR0913, PLR0917 - the job, and what it depends on
        self,
        id: str,
        kind: str,
        owner: str,
        arguments: Mapping[str, Any],
        unless_active: Sequence[str] = (),
        max_active: int | None = None,
    ) -> bool:
        """Insert a queued job.

        Return False if there is one with this id, or an active one of the owner of a kind in
        `unless_active`. Raises TooManyJobs if the owner has `max_active`.
        """
        values = {
            "id": id,
            "kind": kind,
            "owner": owner,
            "arguments": dict(arguments),
            "state": QUEUED,
            "attempt": 0,
            "is_handed_over": False,
            "progress": 0,
            "message": "",
            "created_at": _now(),
        }
        with self.database.transaction(writing=True) as connection:
            if not _may_queue(connection, owner, unless_active, max_active):
                return False
            statement = upsert(connection.dialect.name, jobs).on_conflict_do_nothing()
            # SQLAlchemy 2.1.9 keeps no row count of an INSERT in PostgreSQL (psycopg 3.3.9).
            inserted = statement.values(values).returning(row.id)
            return connection.scalar(inserted) is not None

    def delete(self, id: str) -> None:
        with self.database.transaction(writing=True) as connection:
            connection.execute(job_log.delete().where(job_log.c.job_id == id))
            connection.execute(jobs.delete().where(row.id == id))

    def get(self, id: str, owner: str | Viewer | None = None) -> Job:
        """Return the job; with `owner`, only that visitor's. Raises NoSuchJob."""
        with self.database.transaction() as connection:
            found = connection.execute(jobs.select().where(_is(id, owner))).mappings().first()
        if found is None:
            raise NoSuchJob
        return _job(found)

    def newest(
        self, owner: str | Viewer | None = None, states: Sequence[str] = STATES, limit: int = 50
    ) -> list[Job]:
        """Return the newest jobs in these states; with `owner`, only that visitor's."""
        query = jobs.select().where(row.state.in_(states)).order_by(row.created_at.desc(), row.id)
        if owner is not None:
            query = query.where(_owned(owner))
        with self.database.transaction() as connection:
            return [_job(found) for found in connection.execute(query.limit(limit)).mappings()]

    def page(
        self, owner: str | Viewer, states: Sequence[str], limit: int, cursor: str | None = None
    ) -> JobPage:
        """Return at most `limit` of the owner's jobs in these states. Raises InvalidCursor."""
        query = jobs.select().where(row.state.in_(states), _owned(owner))
        if cursor is not None:
            query = query.where(tuple_(row.created_at, row.id) < tuple_(*position_of(cursor)))
        query = query.order_by(row.created_at.desc(), row.id.desc()).limit(limit + 1)
        with self.database.transaction() as connection:
            found = [_job(each) for each in connection.execute(query).mappings()]
        shown = tuple(found[:limit])
        next = cursor_of(shown[-1].created_at, shown[-1].id) if len(found) > limit else None
        return JobPage(shown, next)

    def done(self, kind: str) -> list[Job]:
        """Return the jobs of a kind that succeeded, as long as their rows are kept."""
        query = jobs.select().where(row.kind == kind, row.state == DONE)
        with self.database.transaction() as connection:
            return [_job(found) for found in connection.execute(query).mappings()]

    def count(self, owner: str | Viewer | None = None) -> dict[str, int]:
        """Return the number of jobs by state; with `owner`, only that visitor's."""
        query = select(row.state, func.count()).group_by(row.state)
        if owner is not None:
            query = query.where(_owned(owner))
        with self.database.transaction() as connection:
            found = {row[0]: row[1] for row in connection.execute(query)}
        return {state: found.get(state, 0) for state in STATES}

    def log_lines(self, id: str, after: int = 0) -> list[tuple[int, LogLine]]:
        """Return the lines with a number above `after`, and their numbers."""
        query = job_log.select().where(job_log.c.job_id == id, job_log.c.id > after)
        with self.database.transaction() as connection:
            found = connection.execute(query.order_by(job_log.c.id)).mappings().all()
        return [
            (
                line["id"],
                LogLine(line["at"].replace(tzinfo=UTC), line["line"], line["sentence"]),
            )
            for line in found
        ]

    def cancel(self, id: str, owner: str | Viewer | None = None) -> None:
        """Cancel a job; its worker ends its process. Raises JobEnded, NoSuchJob."""
        may_end = and_(_is(id, owner), row.kind.not_in(UNCANCELLABLE))
        if self._end(id, may_end):
            return
        if self.get(id, owner).is_active:
            raise JobEnded("A deletion goes on to its end: the project is hidden already.")
        raise JobEnded("Only a job that waits or runs can be cancelled.")

    def withdraw(self, id: str) -> None:
        """End and delete an active job of any kind: its sender was told that it is not queued.

        Raises JobEnded.
        """
        if not self._end(id, row.id == id):
            raise JobEnded("Only a job that waits or runs can be cancelled.")
        self.delete(id)

    def _end(self, id: str, where: ColumnElement[bool]) -> bool:
        """Cancel the active job; return whether it was one, as `where` says."""
        ended = {"state": CANCELLED, "ended_at": _now(), **SILENT}
        return self._change(id, and_(where, row.state.in_(ACTIVE)), ended, CANCEL_LINE)

    def retry(
        self,
        id: str,
        owner: str | Viewer | None = None,
        unless_active: Sequence[str] = (),
        max_active: int | None = None,
    ) -> bool:
        """Queue a failed or cancelled job again, from its start.

        Return False while its owner has an active job of a kind in `unless_active`. Raises
        TooManyJobs if the owner has `max_active`; JobEnded, NoSuchJob.
        """
        job = self.get(id, owner)
        can_retry = and_(row.id == id, row.state.in_((FAILED, CANCELLED)))
        with self.database.transaction(writing=True) as connection:
            if not _may_queue(connection, job.owner, unless_active, max_active):
                return False
            if _change_row(connection, id, can_retry, _again(), AGAIN_LINE):
                return True
        raise JobEnded("Only a job that failed or was cancelled can be tried again.")

    def undo_retry(self, before: Job) -> None:
        """Make a job that was queued again what it was, but for its attempt and a line of its log.

        Changes nothing once a worker has begun it.
        """
        waits = and_(row.id == before.id, row.attempt == before.attempt + 1, row.state == QUEUED)
        kept = ("state", "progress", "message", "sentence", "error", "result", "executor")
        times = {name: getattr(before, name) for name in ("started_at", "ended_at")}
        values = {name: getattr(before, name) for name in kept}
        values |= {name: at and to_naive_utc(at) for name, at in times.items()}
        self._change(before.id, waits, values, CANCEL_LINE)

    # What the worker does

    def waiting(self, limit: int, without: Sequence[str] = ()) -> list[Job]:
        """Return queued jobs that the engine does not know yet, oldest first, not of some kinds."""
        query = jobs.select().where(_waits(), row.kind.not_in(without))
        with self.database.transaction() as connection:
            ordered = query.order_by(row.created_at, row.id).limit(limit)
            return [_job(found) for found in connection.execute(ordered).mappings()]

    def explain_wait(self, kinds: Sequence[str], message: Sentence) -> None:
        """Say on the waiting jobs of these kinds why they wait."""
        unexplained = and_(_waits(), row.kind.in_(kinds), row.message != message)
        said = {"message": str(message), "sentence": message.to_json()}
        with self.database.transaction(writing=True) as connection:
            connection.execute(jobs.update().where(unexplained).values(said))

    def mark_handed_over(self, job: Job) -> None:
        handed_over = jobs.update().where(row.id == job.id, row.attempt == job.attempt)
        with self.database.transaction(writing=True) as connection:
            connection.execute(handed_over.values(is_handed_over=True))

    def handed_over(self) -> list[Job]:
        """Return the active jobs that the engine should know."""
        query = jobs.select().where(row.state.in_(ACTIVE), row.is_handed_over.is_(True))
        with self.database.transaction() as connection:
            return [_job(found) for found in connection.execute(query).mappings()]

    def requeue(self, job: Job) -> bool:
        """Queue an active job anew, because the engine has lost it or ended it halfway."""
        same = and_(row.id == job.id, row.attempt == job.attempt, row.state.in_(ACTIVE))
        return self._change(job.id, same, _again(), LOST_LINE)

    def put_back(self, run: Run, kinds: Sequence[str], message: Sentence) -> bool:
        """Let a job of these kinds wait anew, unless it has begun; return whether it does."""
        waits = and_(row.id == run.job_id, row.attempt == run.attempt, row.state == QUEUED)
        said = {"message": str(message), "sentence": message.to_json()}
        return self._change(run.job_id, and_(waits, row.kind.in_(kinds)), {**_again(), **said})

    def begin(self, run: Run) -> Job | None:
        """Take the job over and return it; None if it has ended or was queued again."""
        can_begin = and_(row.id == run.job_id, row.attempt == run.attempt, row.state.in_(ACTIVE))
        values: dict[str, Any] = {"state": RUNNING, "executor": run.executor, **SILENT}
        values["started_at"] = func.coalesce(row.started_at, _now())
        if not self._change(run.job_id, can_begin, values, START_LINE.fill(executor=run.executor)):
            return None
        return self.get(run.job_id)

    def is_current(self, run: Run) -> bool:
        """Return whether the run may go on: not cancelled, and not taken over."""
        with self.database.transaction() as connection:
            return connection.execute(select(row.id).where(_runs(run))).first() is not None

    def report(
        self,
        run: Run,
        progress: int | None,
        message: str | None,
        lines: Sequence[str] = (),
        sentence: Mapping[str, Any] | None = None,
    ) -> bool:
        """Save progress in percent and what is done at the moment, unless None, and log lines.

        `sentence` is the message as core.sentences stores it.
        """
        values: dict[str, Any] = {"state": RUNNING}
        if progress is not None:
            values["progress"] = min(max(progress, 0), ALMOST)
        if message is not None:
            values["message"] = _storable(message)[:MAX_MESSAGE]
            values["sentence"] = sentence
        return self._change(run.job_id, _runs(run), values, *lines)

    def finish(self, run: Run, result: Any) -> bool:
        """Save the result. Return False if the job was cancelled, taken over, or has one."""
        values = {"state": DONE, "progress": 100, **SILENT, "result": result}
        return self._change(run.job_id, _runs(run), values | {"ended_at": _now()}, DONE_LINE)

    def fail(self, run: Run, error: str) -> bool:
        """Save why the job failed, in plain words. Return False as `finish` does.

        A core.sentences.Sentence is shown in the site's language.
        """
        values = {"state": FAILED, **SILENT, "error": _storable(error)[:MAX_ERROR]}
        values |= {"sentence": to_json(error), "ended_at": _now()}
        return self._change(run.job_id, _runs(run), values, FAILED_LINE.fill(error=error))

    def delete_ended(self, age: timedelta) -> int:
        """Delete jobs that ended longer ago than `age`, and their lines. Return how many."""
        is_old = row.ended_at < _now() - age
        with self.database.transaction(writing=True) as connection:
            old = select(row.id).where(is_old)
            connection.execute(job_log.delete().where(job_log.c.job_id.in_(old)))
            return connection.execute(jobs.delete().where(is_old)).rowcount

    def _change(
        self, id: str, where: ColumnElement[bool], values: Mapping[str, Any], *lines: str
    ) -> bool:
        with self.database.transaction(writing=True) as connection:
            return _change_row(connection, id, where, values, *lines)


def _change_row(
    connection: Connection,
    id: str,
    where: ColumnElement[bool],
    values: Mapping[str, Any],
    *lines: str,
) -> bool:
    """Update the row and add the lines to its log, or neither. Return whether it matched."""
    if connection.execute(jobs.update().where(where).values(values)).rowcount != 1:
        return False
    _add_lines(connection, id, lines)
    return True


def too_many_jobs(most: int) -> TooManyJobs:
    return TooManyJobs(
        "Jobs of yours that wait or run: {number}, as many as this site allows.", number=most
    )


def _may_queue(
    connection: Connection, owner: str, unless_active: Sequence[str], max_active: int | None
) -> bool:
    """Return whether the owner has no active job of these kinds; others wait until we commit.

    Raises TooManyJobs if the owner has `max_active` of any kind.
    """
    if not unless_active and max_active is None:
        return True
    if connection.dialect.name == "postgresql":  # SQLite has a single writer anyway
        connection.execute(ADVISORY_LOCK, {"name": f"jobs of {owner}"})
    active = select(func.count()).where(row.owner == owner, row.state.in_(ACTIVE))
    if max_active is not None and (connection.scalar(active) or 0) >= max_active:
        raise too_many_jobs(max_active)
    return not connection.scalar(active.where(row.kind.in_(unless_active)))


def _add_lines(connection: Connection, id: str, lines: Sequence[str]) -> None:
    if lines:
        now = _now()
        rows = [
            {
                "job_id": id,
                "at": now,
                "line": _storable(line)[:MAX_LINE],
                "sentence": to_json(line),
            }
            for line in lines
        ]
        connection.execute(job_log.insert(), rows)


def _storable(text: str) -> str:
    """Replace what a database refuses: NUL (PostgreSQL), and halves of surrogate pairs."""
    return text.encode(errors="replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


def _is(id: str, owner: str | Viewer | None) -> ColumnElement[bool]:
    if not (id.isascii() and id.isprintable()):  # as ours are; PostgreSQL refuses NUL
        raise NoSuchJob
    return row.id == id if owner is None else and_(row.id == id, _owned(owner))


def _owned(owner: str | Viewer) -> ColumnElement[bool]:
    viewer = owner if isinstance(owner, Viewer) else Viewer(owner)
    own = row.owner == viewer.visitor
    is_project = row.owner.startswith(PROJECT, autoescape=True)
    return or_(own, is_project) if viewer.is_operator else own


def _waits() -> ColumnElement[bool]:
    return and_(row.state == QUEUED, row.is_handed_over.is_(False))


def _runs(run: Run) -> ColumnElement[bool]:
    return and_(
        row.id == run.job_id,
        row.attempt == run.attempt,
        row.executor == run.executor,
        row.state == RUNNING,
    )


def _again() -> dict[str, Any]:
    empty = dict.fromkeys(("error", "result", "executor", "started_at", "ended_at"))
    fresh = {"state": QUEUED, "progress": 0, **SILENT, "is_handed_over": False}
    return {**empty, **fresh, "attempt": row.attempt + 1}


def _job(found: RowMapping) -> Job:
    times = {name: found[name] for name in ("created_at", "started_at", "ended_at")}
    aware = {name: at and at.replace(tzinfo=UTC) for name, at in times.items()}
    return Job(**{name: found[name] for name in FIELDS} | aware)


def _now() -> datetime:
    return to_naive_utc(datetime.now(UTC))
