"""The operations on jobs as OpenAPI describes them."""

from rubberduck.api.jobs import STATES, ActiveJobsBody, JobBody, JobListBody, JobWithLogBody
from rubberduck.api.openapi.builders import (
    ErrorType,
    JsonObject,
    operation,
    page_size,
    parameter,
    problem_responses,
    response,
)
from rubberduck.api.openapi.operations import IF_NONE_MATCH
from rubberduck.api.openapi.project_builders import PROJECT_ID, project_operation
from rubberduck.api.routes import DEFAULT_LIMIT, MAX_LIMIT
from rubberduck.core import errors
from rubberduck.custom_models.version_errors import TrainingWaits

BODIES = (JobBody, JobWithLogBody, JobListBody, ActiveJobsBody)
JOB_ID = parameter(
    "id", "path", {"type": "string", "format": "job-id", "maxLength": 24}, "The id of the job."
)
STATE = parameter("state", "query", {"type": "string", "enum": list(STATES)}, "Only these.")
CURSOR = parameter(
    "cursor", "query", {"type": "string", "format": "job-cursor"}, "Opaque; taken from “next”."
)
CHANGE_ERRORS: tuple[ErrorType, ...] = (errors.NoSuchJob, errors.JobEnded, errors.Unavailable)


def jobs() -> JsonObject:
    """Return the operations by path."""
    one = {"parameters": [JOB_ID]}
    return {
        "/jobs": {"get": _list()},
        "/jobs/{id}": {**one, "get": _get()},
        "/jobs/{id}/cancel": {**one, "post": _cancel()},
        "/jobs/{id}/retry": {**one, "post": _retry()},
        "/projects/{id}/jobs": {
            "parameters": [PROJECT_ID],
            "get": project_operation(
                "list_active_project_jobs",
                "Read what is being done to a project",
                "Its newest jobs that wait or run, also for labellers, who see no jobs otherwise.",
                {"200": response("The jobs, newest first.", "ActiveJobsBody")},
            ),
        },
    }


def _list() -> JsonObject:
    return operation(
        "list_jobs",
        "List jobs",
        "Your own; with an operator's key also those of projects. Newest first. Follow “next” in "
        "“links” until it is null.",
        {
            "200": response(
                "One page of the list. It is empty without an API key or cookie.", "JobListBody"
            ),
            **problem_responses(errors.InvalidParameter, errors.Unavailable),
        },
        parameters=[STATE, page_size(DEFAULT_LIMIT, MAX_LIMIT), CURSOR],
    )


def _get() -> JsonObject:
    return operation(
        "get_job",
        "Read a job",
        "Its progress and its log. Repeat the request with the ETag until the job has ended.",
        {
            "200": response("The job.", "JobWithLogBody", ["ETag"]),
            "304": response("It has not changed.", headers=["ETag"]),
            **problem_responses(errors.NoSuchJob, errors.Unavailable),
        },
        parameters=[IF_NONE_MATCH],
    )


def _cancel() -> JsonObject:
    return operation(
        "cancel_job",
        "Cancel a job",
        "It ends within seconds. What it has done so far is kept where it can be of use.",
        {"200": response("It is cancelled.", "JobBody"), **problem_responses(*CHANGE_ERRORS)},
    )


def _retry() -> JsonObject:
    return operation(
        "retry_job",
        "Try a job again",
        "Queues a job that failed or was cancelled. A training is refused while another one of its "
        "project waits or runs; one at Amazon costs money again.",
        {
            "202": response("It is queued.", "JobBody", ["Location"]),
            **problem_responses(*CHANGE_ERRORS, errors.TooManyJobs, TrainingWaits),
        },
    )
