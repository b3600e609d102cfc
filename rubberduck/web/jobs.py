"""Whose jobs a request may see and change, and what it does to them; imported with the first."""

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

from rubberduck.core.errors import NoSuchJob
from rubberduck.core.sentences import translated
from rubberduck.web.deps import job_queue, text
from rubberduck.web.operators import audited, current_operator
from rubberduck.web.sessions import known_visitor

if TYPE_CHECKING:
    from rubberduck.custom_models.projects import Project
    from rubberduck.jobs.models import Job, LogLine, Viewer
    from rubberduck.web.model_hosting import Money

IMPORTS = ("import-pictures", "import-s3", "take-in-frames")


def job_owner() -> "Viewer":
    """Return whose jobs this request may see and change.

    The one place that decides this: a visitor sees the own jobs only, an operator also projects'.
    """
    # Imported late: the first page needs no jobs.
    from rubberduck.jobs.models import Viewer

    operator = current_operator()
    return Viewer(known_visitor() or "", operator is not None and operator.is_operator)


def find_job(id: str) -> "Job":
    """Return a job of this request's owner. Raises NoSuchJob."""
    return job_queue().get(id, job_owner())


def cancel_job(id: str) -> None:
    """Raises NoSuchJob, JobEnded."""
    job = find_job(id)
    with _audited("job.cancel", job):
        job_queue().store.cancel(id, job_owner())


def retry_job(id: str) -> None:
    """Queue a job that failed or was cancelled.

    Raises NoSuchJob, JobEnded, TooManyJobs; TrainingWaits for one of two trainings of a project.
    """
    # Imported late: the first page needs no jobs.
    from rubberduck.services import training_queue

    job = find_job(id)
    with _audited("job.retry", job):
        training_queue.retry_job(job_queue(), job, job_owner())


def retry_price(job: "Job", money: "Money | None" = None) -> str | None:
    """Return what an hour costs if the job is queued again; None if it costs nothing.

    `money` is that of model_hosting.view_of.
    """
    # Imported late: the first page needs no jobs.
    from rubberduck.jobs.models import CANCELLED, FAILED
    from rubberduck.services.training_queue import TRAIN_AT_AMAZON
    from rubberduck.web.model_hosting import training_price

    can_retry = job.state in (FAILED, CANCELLED)
    return training_price(money) if job.kind == TRAIN_AT_AMAZON and can_retry else None


def message_of(job: "Job") -> str:
    """Return what a job does at the moment, in the site's language."""
    return job.message_in(text)


def error_of(job: "Job") -> str | None:
    """Return why a job failed, in the site's language."""
    return job.error_in(text)


def outcome_of(job: "Job") -> str:
    """Return what an import came to, in the site's language; "" for other jobs."""
    if job.kind not in IMPORTS or not isinstance(job.result, dict):
        return ""
    # Imported late: the first page needs no jobs.
    from rubberduck.services.import_counts import in_words

    return ", ".join(translated(each.to_json(), text) for each in in_words(job.result))


def failure_of(message: str, job_id: str | None) -> str:
    """Return why something of a job failed, in the site's language.

    What failed has the message in English; the job has what is needed to translate it, as long as
    its row is kept.
    """
    if not message:
        return ""
    job = _find(job_id) if job_id else None
    if job and job.error and message.startswith(job.error):
        sentences = [error_of(job) or "", message.removeprefix(job.error).strip()]
    elif text(message) != message:
        return text(message)
    else:  # such as "Cancelled. It goes on at Amazon."
        first, stop, rest = message.partition(". ")
        sentences = [first + stop.strip(), rest]
    return " ".join(text(each) for each in sentences if each)


def _find(job_id: str) -> "Job | None":
    try:
        return job_queue().get(job_id)
    except NoSuchJob:
        return None


def line_of(line: "LogLine") -> str:
    """Return a line of a job's log, in the site's language."""
    return line.line_in(text)


def waits_for_worker(job: "Job") -> bool:
    """Return whether a job cannot go on because no worker runs."""
    return job.is_active and not job_queue().has_worker()


def living_project_of(job: "Job") -> "Project | None":
    """Return the project that a job is of, None for a visitor's or if the project is deleted."""
    if (id := project_of(job)) is None:
        return None
    from rubberduck.custom_models.errors import NoSuchProject
    from rubberduck.web.projects import projects

    try:
        return projects().get(id)
    except NoSuchProject:
        return None


def project_of(job: "Job") -> str | None:
    """Return the id of the project that a job is of, or None for a visitor's."""
    from rubberduck.jobs.models import PROJECT

    return job.owner.removeprefix(PROJECT) if job.owner.startswith(PROJECT) else None


def _audited(act: str, job: "Job") -> AbstractContextManager[None]:
    """Note what an operator does to a project's job: a training at Amazon costs money again."""
    if (project := project_of(job)) is None:
        return nullcontext()
    return audited(act, job.kind, job=job.id, project=project)
