"""Error responses: an HTML page for browsers, application/problem+json for API clients."""

import logging
from dataclasses import replace
from http import HTTPStatus
from typing import cast
from urllib.parse import urlsplit

from flask import Flask, Response, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_limiter import RateLimitExceeded
from werkzeug.exceptions import HTTPException

from rubberduck.core.errors import DuckError, InvalidToken, Problem, RateLimited
from rubberduck.imaging.decode import too_large
from rubberduck.web.csrf import SAFE_METHODS
from rubberduck.web.deps import pipeline
from rubberduck.web.errors import NotSignedIn
from rubberduck.web.logging import request_id
from rubberduck.web.multipart import UploadRequest
from rubberduck.web.problem_details import PROBLEMS, problem_json
from rubberduck.web.rate_limits import seconds_to_wait
from rubberduck.web.uploads import drain_request_body

log = logging.getLogger(__name__)
HOME = "/"  # where pictures to be answered are sent, from any page
# Sent before the request body was read, while the client is still sending it.
DRAIN_BODY_STATUSES = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.TOO_MANY_REQUESTS,
)


def register_error_handlers(app: Flask) -> None:
    """Answer every error of the site, of Flask and of the rate limiter in the same form."""
    app.register_error_handler(DuckError, _handle_duck_error)
    app.register_error_handler(RateLimitExceeded, _handle_rate_limit)
    app.register_error_handler(HTTPException, _handle_http_error)


def _handle_duck_error(error: DuckError) -> ResponseReturnValue:
    if isinstance(error, NotSignedIn) and not _wants_json():
        drain_request_body()
        address = url_for("sign_in.index", next=_address_after_sign_in())
        return redirect(address, HTTPStatus.SEE_OTHER)
    if error.problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR and not error.already_logged:
        # A traceback only for our own mistakes; for an unavailable service, one line is enough.
        trace = error if error.problem.status == HTTPStatus.INTERNAL_SERVER_ERROR else None
        log.error("%s", error, exc_info=trace)
    return _error_response(error.problem)


def _handle_rate_limit(_: RateLimitExceeded) -> ResponseReturnValue:
    return _error_response(RateLimited(seconds_to_wait()).problem)


def _handle_http_error(error: HTTPException) -> ResponseReturnValue:
    """Answer an error that Flask raised. An unhandled exception comes as a 500, already logged."""
    if error.code is None or error.code < HTTPStatus.BAD_REQUEST:
        return error
    if error.code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.error("request failed path=%s cause=%s", request.path, error)
    response = _error_response(_problem_for(error.code))
    for name, value in error.get_headers():
        if name in ("Allow", "Content-Range", "Retry-After"):
            response.headers[name] = value
    return response


def _problem_for(status: int) -> Problem:
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        own = cast(UploadRequest, request).too_large
        return (own or too_large(pipeline().max_bytes)).problem
    return PROBLEMS.get(status) or replace(PROBLEMS[400], status=status)


def _wants_json() -> bool:
    wanted = request.accept_mimetypes.best_match(["text/html", "application/json"])
    return request.path.startswith("/api/") or wanted == "application/json"


def _address_after_sign_in() -> str | None:
    """Return the page that needs an operator; of a form, the page that it is on."""
    if request.method in SAFE_METHODS:
        return request.full_path.rstrip("?")
    return _page_of_form()


def _page_of_form() -> str | None:
    """Return the page of this site that the form of this request is on, or None."""
    page = urlsplit(request.referrer or "")
    is_form = request.method not in SAFE_METHODS and page.netloc == request.host
    return page.path if is_form else None


def _error_response(problem: Problem) -> Response:
    if problem.status in DRAIN_BODY_STATUSES:
        drain_request_body()
    if _wants_json():
        response = problem_json(problem, request_id())
    else:
        back = _page_of_form()
        page = render_template(
            "error.html",
            problem=problem,
            request_id=request_id(),
            back=None if back == HOME else back,
            # Whose form was another one goes back to that.
            asks=back is None or HOME in {back, request.path},
        )
        response = make_response(page, problem.status)
    response.vary.add("Accept")
    if problem.slug == InvalidToken.slug:
        response.headers["WWW-Authenticate"] = 'Bearer error="invalid_token"'  # RFC 6750
    elif problem.status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = "Bearer"
    if problem.retry_after:
        response.headers["Retry-After"] = str(problem.retry_after)
    if problem.status == HTTPStatus.ACCEPTED and response.mimetype == "text/html":
        response.headers["Refresh"] = str(problem.retry_after)
    return response
