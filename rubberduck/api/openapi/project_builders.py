"""What the operations on projects share: parameters, errors, and the key that they take."""

from typing import Any

from rubberduck.api.openapi.builders import (
    ErrorType,
    JsonObject,
    operation,
    parameter,
    problem_responses,
)
from rubberduck.core import errors
from rubberduck.custom_models.errors import InvalidProject, NoSuchProject
from rubberduck.web.errors import NotAllowed, NotSignedIn

SECURITY = [{"operator": list[str]()}]
PROJECT_ID, PICTURE_ID = (
    parameter(name, "path", {"type": "string", "format": f"{kind}-id", "maxLength": 24}, text)
    for name, kind, text in (
        ("id", "project", "The id of the project."),
        ("picture_id", "project-picture", "The id of the picture."),
    )
)
SAMPLE_ID = "Zr8W1mHqTz2v5mJY"
BINARY: JsonObject = {"type": "string", "format": "binary"}
FLAG: JsonObject = {"type": "boolean", "default": False}
NEAR = parameter("near", "query", FLAG, "Also add pictures that look like one of the project.")
SHRINK = parameter("shrink", "query", FLAG, "Shrink pictures over the limits of Custom Labels.")
# What every change of a project can meet.
CHANGE_ERRORS: tuple[ErrorType, ...] = (
    NotAllowed,
    errors.InvalidParameter,
    InvalidProject,
    errors.PictureTooLarge,
)
JOB_ERRORS: tuple[ErrorType, ...] = (errors.TooManyJobs, errors.Unavailable)
JOB = "It is queued. Its page shows the progress."


def signed_in_operation(
    id: str,
    summary: str,
    description: str,
    answers: JsonObject,
    *error_types: ErrorType,
    **fields: Any,
) -> JsonObject:
    """Return an operation for those who have signed in; `answers` are its responses by status.

    `fields` are OpenAPI's own, such as requestBody.
    """
    responses = answers | problem_responses(NotSignedIn, errors.Unavailable, *error_types)
    return operation(id, summary, description, responses, security=SECURITY, **fields)


def project_operation(
    id: str,
    summary: str,
    description: str,
    answers: JsonObject,
    *error_types: ErrorType,
    **fields: Any,
) -> JsonObject:
    """Return an operation on one project, as `signed_in_operation` does."""
    known: tuple[ErrorType, ...] = (NoSuchProject, *error_types)
    return signed_in_operation(id, summary, description, answers, *known, **fields)
