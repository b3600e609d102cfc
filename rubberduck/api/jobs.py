"""The API of jobs: a visitor's own, for operators also those of projects."""

from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated

from flask import request, url_for
from flask.typing import ResponseReturnValue
from pydantic import Field

from rubberduck.api.blueprint import api
from rubberduck.api.body_classes import body_class
from rubberduck.api.requests import choice, page_limit
from rubberduck.api.routes import DEFAULT_LIMIT, MAX_LIMIT
from rubberduck.api.schemas import ListLinks, Timestamp
from rubberduck.web.deps import job_queue
from rubberduck.web.formatting import rfc3339
from rubberduck.web.jobs import (
    cancel_job,
    error_of,
    find_job,
    job_owner,
    line_of,
    message_of,
    project_of,
    retry_job,
    retry_price,
    waits_for_worker,
)
from rubberduck.web.operators import require_labeller
from rubberduck.web.problem_details import Address
from rubberduck.web.projects import active_project_jobs, projects
from rubberduck.web.responses import as_json, with_etag

if TYPE_CHECKING:
    from rubberduck.jobs.models import Job

# As `jobs.models.STATES`, which is not imported before the first job; a test compares them.
STATES = ("queued", "running", "done", "failed", "cancelled")


@body_class
class JobLinks:
    """The URLs of a job."""

    self: Address
    page: Annotated[Address, Field(description="the page for people")]


@body_class
class JobBody:
    """Work that takes longer than a request."""

    id: Annotated[str, Field(description="the id of the job")]
    kind: Annotated[str, Field(description="what it does, such as train-model")]
    project: Annotated[str | None, Field(description="the project that it is of; null: none")]
    state: Annotated[str, Field(description="queued, running, done, failed or cancelled")]
    progress: Annotated[int, Field(ge=0, le=100, description="percent")]
    message: Annotated[str, Field(description="what it does at the moment")]
    error: Annotated[str | None, Field(description="why it failed; else null")]
    waits_for_worker: Annotated[bool, Field(description="no worker is running")]
    created_at: Timestamp
    started_at: Annotated[Timestamp | None, Field(description="null: not started")]
    ended_at: Annotated[Timestamp | None, Field(description="null: it waits or runs")]
    links: JobLinks


@body_class
class JobLineBody:
    """A line of a job's log."""

    at: Timestamp
    line: str


@body_class
class JobWithLogBody(JobBody):
    """A job and its log."""

    log: tuple[JobLineBody, ...]
    retry_dollars_per_hour: Annotated[
        str | None, Field(description="what a retry costs, if Amazon trains again; null: nothing")
    ]


@body_class
class JobListBody:
    """One page of jobs, newest first."""

    jobs: tuple[JobBody, ...]
    counts: Annotated[dict[str, int], Field(description="how many there are in each state")]
    max_active: Annotated[
        int, Field(ge=0, description="so many of a visitor, or of a project, may wait or run")
    ]
    links: ListLinks


@body_class
class ActiveJobBody:
    """Work on a project that waits or runs, as everybody who labels it may know."""

    kind: Annotated[str, Field(description="what it does, such as train-model")]
    state: Annotated[str, Field(description="queued or running")]
    progress: Annotated[int, Field(ge=0, le=100, description="percent")]
    message: Annotated[str, Field(description="what it does at the moment")]


@body_class
class ActiveJobsBody:
    """The newest jobs of a project that wait or run."""

    jobs: tuple[ActiveJobBody, ...]


@api.get("/projects/<id>/jobs")
def list_active_project_jobs(id: str) -> ResponseReturnValue:
    """Return what is being done to a project, also for labellers, who see no jobs otherwise."""
    require_labeller()
    jobs = active_project_jobs(projects().get(id).id)
    return as_json(
        ActiveJobsBody(
            tuple(ActiveJobBody(job.kind, job.state, job.progress, message_of(job)) for job in jobs)
        )
    )


@api.get("/jobs")
def list_jobs() -> ResponseReturnValue:
    """Return one page of the jobs that the caller may see, newest first."""
    limit, state = page_limit(DEFAULT_LIMIT, MAX_LIMIT), choice("state", STATES)
    cursor, states = request.args.get("cursor"), (state,) if state else STATES
    owner, queue = job_owner(), job_queue()
    page = queue.store.page(owner, states, limit, cursor)
    next = page.next and url_for("api.list_jobs", limit=limit, cursor=page.next, state=state)
    return as_json(
        JobListBody(
            jobs=tuple(map(job_body, page.jobs)),
            counts=queue.store.count(owner),
            max_active=queue.max_active_per_owner,
            links=ListLinks(next),
        )
    )


@api.get("/jobs/<id>")
def get_job(id: str) -> ResponseReturnValue:
    """Return a job with its log. 304 if unchanged: made to be polled."""
    job = find_job(id)
    log = tuple(
        JobLineBody(rfc3339(line.at), line_of(line)) for _, line in job_queue().store.log_lines(id)
    )
    price = retry_price(job)
    body = JobWithLogBody(**vars(job_body(job)), log=log, retry_dollars_per_hour=price)
    return with_etag(as_json(body))


@api.post("/jobs/<id>/cancel")
def cancel_job_by_id(id: str) -> ResponseReturnValue:
    """End a job that waits or runs."""
    cancel_job(id)
    return as_json(job_body(find_job(id)))


@api.post("/jobs/<id>/retry")
def retry_job_by_id(id: str) -> ResponseReturnValue:
    """Queue a job that failed or was cancelled again."""
    retry_job(id)
    address = url_for("api.get_job", id=id)
    return as_json(job_body(find_job(id)), HTTPStatus.ACCEPTED, Location=address)


def job_body(job: "Job") -> JobBody:
    return JobBody(
        id=job.id,
        kind=job.kind,
        project=project_of(job),
        state=job.state,
        progress=job.progress,
        message=message_of(job),
        error=error_of(job),
        waits_for_worker=waits_for_worker(job),
        created_at=rfc3339(job.created_at),
        started_at=rfc3339(job.started_at) if job.started_at else None,
        ended_at=rfc3339(job.ended_at) if job.ended_at else None,
        links=JobLinks(url_for("api.get_job", id=job.id), url_for("jobs.show", id=job.id)),
    )
