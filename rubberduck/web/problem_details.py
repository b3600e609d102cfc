"""Problem details (RFC 9457), and their texts for the HTTP errors of Flask and Werkzeug."""

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import quote

from flask import Response, request, url_for
from pydantic import Field

from rubberduck.core.errors import (
    DamagedPicture,
    DuckError,
    InvalidParameter,
    NoSuchResult,
    NotAPicture,
    PictureTooLarge,
    Problem,
    RateLimited,
    Unavailable,
)
from rubberduck.web.deps import text
from rubberduck.web.responses import CACHE_NO_STORE, as_json

PROBLEM = "application/problem+json"  # RFC 9457
Address = Annotated[str, Field(json_schema_extra={"format": "uri-reference"})]


@dataclass(frozen=True)
class ProblemBody:
    """An error, in the format of RFC 9457."""

    type: Annotated[Address, Field(description="identifies the kind of error")]
    title: Annotated[str, Field(description="what happened")]
    status: Annotated[int, Field(description="the HTTP status of the response")]
    detail: Annotated[str, Field(description="why it happened and what to do next")]
    instance: Annotated[Address, Field(description="the requested path")]
    request_id: Annotated[str, Field(description="quote it when you report the error")]


def problem_body(problem: Problem, path: str, request_id: str) -> ProblemBody:
    why = text(problem.reason).format(**problem.values) if problem.reason else ""
    return ProblemBody(
        type=url_for("about.api", _anchor=problem.slug),
        title=text(problem.title),
        status=problem.status,
        detail=f"{why} {text(problem.hint)}".strip(),
        instance=quote(path),
        request_id=request_id,
    )


def problem_json(problem: Problem, request_id: str) -> Response:
    response = as_json(problem_body(problem, request.path, request_id), problem.status)
    response.mimetype = PROBLEM
    response.headers["Cache-Control"] = CACHE_NO_STORE
    return response


PROBLEMS = {
    problem.status: problem
    for problem in (
        Problem(
            InvalidParameter.slug,
            400,
            "Invalid request",
            "The request is malformed.",
            "Go back and try again.",
        ),
        NoSuchResult().problem,
        Problem(
            "wrong-method",
            405,
            "Method not allowed",
            "This address does not accept this kind of request.",
            "Use a method that the Allow header names, or start again from the home page.",
        ),
        Problem(
            PictureTooLarge.slug,
            413,
            PictureTooLarge.title,
            "The request is larger than we accept.",
            PictureTooLarge.hint,
        ),
        Problem(
            NotAPicture.slug,
            415,
            NotAPicture.title,
            "This kind of content is not supported.",
            NotAPicture.hint,
        ),
        Problem(
            DamagedPicture.slug,
            422,
            DamagedPicture.title,
            "The content could not be read.",
            DamagedPicture.hint,
        ),
        RateLimited(60).problem,
        Problem(
            "our-mistake",
            500,
            DuckError.title,
            "This is our mistake, not yours. It has been logged.",
            "Please try again in a minute. If it happens again, tell us the request ID.",
        ),
        Problem(
            Unavailable.slug,
            503,
            Unavailable.title,
            "A service that we depend on is unavailable.",
            Unavailable.hint,
            60,
        ),
    )
}
