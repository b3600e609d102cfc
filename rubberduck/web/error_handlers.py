"""What goes wrong, told in our words: a page for people, problem+json for programs."""

import logging
from dataclasses import replace
from http import HTTPStatus

from flask import Flask, Response, make_response, render_template, request
from flask.typing import ResponseReturnValue
from flask_limiter import RateLimitExceeded
from werkzeug.exceptions import HTTPException

from rubberduck.core.errors import DuckError, Problem, RateLimited
from rubberduck.imaging.decode import too_large
from rubberduck.web.deps import pipeline
from rubberduck.web.logging import request_id
from rubberduck.web.problem_details import PROBLEMS, problem_json
from rubberduck.web.rate_limits import seconds_to_wait
from rubberduck.web.uploads import drain_request_body

log = logging.getLogger(__name__)
# Refused before the body was read, which the browser goes on sending.
DRAIN_BODY_STATUSES = (
    HTTPStatus.FORBIDDEN,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.TOO_MANY_REQUESTS,
)


def register_error_handlers(app: Flask) -> None:
    app.register_error_handler(DuckError, _our_error)
    app.register_error_handler(RateLimitExceeded, _too_often)
    app.register_error_handler(HTTPException, _http_error)


def _our_error(error: DuckError) -> ResponseReturnValue:
    if error.problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR and not error.already_logged:
        # A part that does not answer is one line; only our own mistakes need to be traced.
        trace = error if error.problem.status == HTTPStatus.INTERNAL_SERVER_ERROR else None
        log.error("%s", error, exc_info=trace)
    return _answer(error.problem)


def _too_often(_: RateLimitExceeded) -> ResponseReturnValue:
    return _answer(RateLimited(seconds_to_wait()).problem)


def _http_error(error: HTTPException) -> ResponseReturnValue:
    """What Flask refused by itself; a mistake of ours arrives here as a 500, already logged."""
    if error.code is None or error.code < HTTPStatus.BAD_REQUEST:
        return error
    if error.code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.error("%s at %s", error, request.path)
    response = _answer(_problem(error.code))
    for name, value in error.get_headers():
        if name in ("Allow", "Retry-After"):
            response.headers[name] = value
    return response


def _problem(status: int) -> Problem:
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return too_large(pipeline().max_bytes).problem
    return PROBLEMS.get(status) or replace(PROBLEMS[400], status=status)


def _answer(problem: Problem) -> Response:
    if problem.status in DRAIN_BODY_STATUSES:
        drain_request_body()
    wanted = request.accept_mimetypes.best_match(["text/html", "application/json"])
    if request.path.startswith("/api/") or wanted == "application/json":
        response = problem_json(problem, request_id())
    else:
        page = render_template("error.html", problem=problem, request_id=request_id())
        response = make_response(page, problem.status)
    response.vary.add("Accept")
    if problem.retry_after:
        response.headers["Retry-After"] = str(problem.retry_after)
    if problem.status == HTTPStatus.ACCEPTED and response.mimetype == "text/html":
        response.headers["Refresh"] = str(problem.retry_after)
    return response
