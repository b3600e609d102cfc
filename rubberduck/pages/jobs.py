"""A visitor's own jobs, an operator's also of projects: the list, and the page of one."""

from dataclasses import dataclass
from http import HTTPStatus

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from rubberduck.core.errors import InvalidParameter
from rubberduck.web.deps import job_queue, text
from rubberduck.web.jobs import (
    cancel_job,
    find_job,
    job_owner,
    living_project_of,
    message_of,
    retry_job,
    retry_price,
    waits_for_worker,
)
from rubberduck.web.numbers import numbers as written
from rubberduck.web.responses import as_json, private_page, with_etag

jobs = Blueprint("jobs", __name__, url_prefix="/jobs")
# The tabs, and the states of the jobs in each.
TABS = {
    "active": ("queued", "running"),
    "done": ("done",),
    "failed": ("failed", "cancelled"),
}
JOBS_PER_PAGE = 50
# Where a project shows what became of a job; of other kinds on its first page.
PROJECT_PAGES = {
    "export-project": "project_data.index",
    "train-model": "models.index",
    "retrain-model": "models.index",
    "train-model-aws": "models.index",
    "emulator-train": "models.index",
}


@dataclass(frozen=True)
class JobStatus:
    """What the page's script polls. `progress` is percent; `waits`: no worker runs."""

    state: str
    progress: int
    message: str
    waits: bool


@jobs.get("/")
def index() -> ResponseReturnValue:
    """Return a page of the jobs of one tab, the newest first: in process, done, or failed."""
    if (tab := request.args.get("tab", "active")) not in TABS:
        raise InvalidParameter("“tab” must be active, done or failed.")
    owner, queue = job_owner(), job_queue()
    store = queue.store
    counts = store.count(owner)
    numbers = {name: sum(counts[state] for state in states) for name, states in TABS.items()}
    page = store.page(owner, TABS[tab], JOBS_PER_PAGE, request.args.get("cursor"))
    return private_page(
        "jobs.html",
        page=page,
        tab=tab,
        numbers=numbers,
        is_operator=owner.is_operator,
        max_active=queue.max_active_per_owner,
    )


@jobs.get("/<id>")
def show(id: str) -> ResponseReturnValue:
    job = find_job(id)
    lines = [line for _, line in job_queue().store.log_lines(id)]
    return with_etag(
        make_response(
            render_template(
                "job.html",
                job=job,
                lines=lines,
                waits=waits_for_worker(job),
                retry_price=retry_price(job, written().dollars),
                project=living_project_of(job),
                project_page=PROJECT_PAGES.get(job.kind, "projects.show"),
            )
        )
    )


@jobs.get("/<id>.json")
def status(id: str) -> ResponseReturnValue:
    job = find_job(id)
    body = JobStatus(job.state, job.progress, message_of(job), waits_for_worker(job))
    return with_etag(as_json(body))


@jobs.post("/<id>/cancel")
def cancel(id: str) -> ResponseReturnValue:
    cancel_job(id)
    flash(text("Cancelled."))
    return redirect(url_for("jobs.show", id=id), HTTPStatus.SEE_OTHER)


@jobs.post("/<id>/retry")
def retry(id: str) -> ResponseReturnValue:
    retry_job(id)
    flash(text("Queued again."))
    return redirect(url_for("jobs.show", id=id), HTTPStatus.SEE_OTHER)
