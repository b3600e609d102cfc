"""A visitor's own jobs, an operator's also of projects: the list, and the page of one."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from rubberduck.core.errors import InvalidParameter
from rubberduck.web.deps import job_queue, text
from rubberduck.web.operators import audit, current_operator
from rubberduck.web.responses import as_json, private_page, with_etag
from rubberduck.web.sessions import known_visitor

if TYPE_CHECKING:
    from rubberduck.jobs.models import Job, Viewer

jobs = Blueprint("jobs", __name__, url_prefix="/jobs")
# The tabs, and the states of the jobs in each.
TABS = {
    "active": ("queued", "running"),
    "done": ("done",),
    "failed": ("failed", "cancelled"),
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
    """Return the newest jobs of one tab: in process, done, or failed."""
    if (tab := request.args.get("tab", "active")) not in TABS:
        raise InvalidParameter("“tab” must be active, done or failed.")
    owner, store = job_owner(), job_queue().store
    counts = store.count(owner)
    numbers = {name: sum(counts[state] for state in states) for name, states in TABS.items()}
    newest = store.newest(owner, TABS[tab])
    return private_page("jobs.html", jobs=newest, tab=tab, numbers=numbers)


@jobs.get("/<id>")
def show(id: str) -> ResponseReturnValue:
    job = job_queue().get(id, job_owner())
    lines = [line for _, line in job_queue().store.log_lines(id)]
    return with_etag(
        make_response(
            render_template("job.html", job=job, lines=lines, waits=_waits(job.is_active))
        )
    )


@jobs.get("/<id>.json")
def status(id: str) -> ResponseReturnValue:
    job = job_queue().get(id, job_owner())
    body = JobStatus(job.state, job.progress, job.message, _waits(job.is_active))
    return with_etag(as_json(body))


@jobs.post("/<id>/cancel")
def cancel(id: str) -> ResponseReturnValue:
    job = job_queue().get(id, job_owner())
    job_queue().store.cancel(id, job_owner())
    _note("job.cancel", job)
    flash(text("Cancelled."))
    return redirect(url_for("jobs.show", id=id), HTTPStatus.SEE_OTHER)


@jobs.post("/<id>/retry")
def retry(id: str) -> ResponseReturnValue:
    job = job_queue().get(id, job_owner())
    job_queue().retry(id, job_owner())
    _note("job.retry", job)
    flash(text("Queued again."))
    return redirect(url_for("jobs.show", id=id), HTTPStatus.SEE_OTHER)


def job_owner() -> "Viewer":
    """Return whose jobs this request may see and change.

    The one place that decides this: a visitor sees the own jobs only, an operator also projects'.
    """
    # Imported late: the first page needs no jobs.
    from rubberduck.jobs.models import Viewer

    operator = current_operator()
    return Viewer(known_visitor() or "", operator is not None and operator.is_operator)


def _note(act: str, job: "Job") -> None:
    """Note what an operator does to a project's job: a training at Amazon costs money again."""
    from rubberduck.jobs.models import PROJECT

    if job.owner.startswith(PROJECT):
        audit(act, job.kind, job=job.id, project=job.owner.removeprefix(PROJECT))


def _waits(is_active: bool) -> bool:
    return is_active and not job_queue().has_worker()
