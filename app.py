"""The site: its pages, its error pages, and what each request passes through."""

import logging
import secrets
import sys
from dataclasses import replace
from datetime import timedelta
from functools import partial
from http import HTTPStatus

import click
from flask import (
    Flask,
    Response,
    g,
    make_response,
    render_template,
    request,
)
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix

from composition import build_finder
from rubberduck.api import api
from rubberduck.commands import commands
from rubberduck.door import (
    UploadRequest,
    finder,
    hear_out,
    refuse_other_names,
    refuse_other_sites,
    sweeper,
)
from rubberduck.errors import (
    PROBLEMS,
    BrokenModel,
    DuckError,
    Problem,
    WrongQuestion,
)
from rubberduck.finder import Finder
from rubberduck.headers import add_headers, content_security_policy
from rubberduck.health import health
from rubberduck.openapi import openapi
from rubberduck.pages import pages
from rubberduck.pictures import too_large
from rubberduck.readiness import Readiness
from rubberduck.representations import problem_json
from rubberduck.samples import Samples
from rubberduck.settings import Settings, WrongSettings, load_settings, unknown_variables
from rubberduck.sweeper import Sweeper
from rubberduck.templating import STYLE, set_up_templates
from rubberduck.visitors import Cookies, secret_key

log = logging.getLogger(__name__)

FORM_AROUND_A_PICTURE = 64 * 1024  # bytes that a multipart form may add to its file


def start() -> Flask:
    """For wsgi.py: whatever is wrong at start is told in plain words, without a traceback."""
    try:
        settings = load_settings()
        _log_to_stderr(settings.log_level)
        app = create_app(settings)
    except (WrongSettings, WrongQuestion, BrokenModel) as error:
        sys.exit(f"The site does not start. {error}")
    if click.get_current_context(silent=True) is None:  # a command says itself what it does
        finder: Finder = app.extensions["finder"]
        where, who = finder.storage.where, finder.detector.name
        log.info("Pictures go to %s; the answers are of %s.", where, who)
        for name, meant in unknown_variables().items():
            log.warning("%s is no setting; did you mean %s?", name, meant or "something else")
    return app


def _log_to_stderr(level: str) -> None:
    """`level` is for our own lines: Pillow's at DEBUG would tell the visitors' metadata."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger().setLevel(max(logging.INFO, logging.getLevelName(level)))
    for name in (__name__, "rubberduck"):
        logging.getLogger(name).setLevel(level)


def create_app(settings: Settings, *, finder: Finder | None = None) -> Flask:
    app = Flask(__name__)
    app.request_class = UploadRequest
    app.config["MAX_CONTENT_LENGTH"] = settings.max_bytes + FORM_AROUND_A_PICTURE
    finder = finder or build_finder(settings)
    app.extensions["settings"] = settings
    app.extensions["finder"] = finder
    app.extensions["readiness"] = Readiness(finder)
    app.extensions["samples"] = Samples(finder)
    app.extensions["sweeper"] = Sweeper(finder.results, finder.storage)
    _sign_cookies(app, settings)
    _believe_proxies(app, settings.proxies)
    set_up_templates(app, finder.question, settings.language)
    for blueprint in (pages, api, openapi, health, commands):
        app.register_blueprint(blueprint)
    app.before_request(_number_the_request)
    app.before_request(refuse_other_names)
    app.before_request(refuse_other_sites)
    app.after_request(_sign)
    app.after_request(_sweep_sometimes)
    policy = content_security_policy(STYLE, finder.storage.origin)
    app.after_request(partial(add_headers, policy=policy))
    app.register_error_handler(DuckError, _our_error)
    app.register_error_handler(HTTPException, _http_error)
    return app


def _believe_proxies(app: Flask, proxies: int) -> None:
    """Each adds what it saw to the end; what stands before that, anybody could have written."""
    if proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies)  # type: ignore[method-assign]


def _sign_cookies(app: Flask, settings: Settings) -> None:
    app.secret_key = secret_key(settings)
    app.session_interface = Cookies()
    app.permanent_session_lifetime = timedelta(days=settings.keep_days)
    app.config["SESSION_COOKIE_SAMESITE"] = "Lax"
    app.config["SESSION_REFRESH_EACH_REQUEST"] = False  # `visitor` does, where it matters


def _number_the_request() -> None:
    g.request_id = secrets.token_hex(8)


def _sign(response: Response) -> Response:
    response.headers["X-Request-ID"] = g.request_id
    return response


def _sweep_sometimes(response: Response) -> Response:
    sweeper().sometimes()
    return response


def _our_error(error: DuckError) -> ResponseReturnValue:
    if error.problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR and not error.is_known:
        # A part that does not answer is one line; only our own mistakes need to be traced.
        trace = error if error.problem.status == HTTPStatus.INTERNAL_SERVER_ERROR else None
        log.error("request %s: %s", g.request_id, error, exc_info=trace)
    return _answer(error.problem)


def _http_error(error: HTTPException) -> ResponseReturnValue:
    """What Flask refused by itself; a mistake of ours arrives here as a 500, already logged."""
    if error.code is None or error.code < HTTPStatus.BAD_REQUEST:
        return error
    if error.code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.error("request %s: %s at %s", g.request_id, error, request.path)
    response = _answer(_problem(error.code))
    for name, value in error.get_headers():
        if name in ("Allow", "Retry-After"):
            response.headers[name] = value
    return response


def _problem(status: int) -> Problem:
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return too_large(finder().max_bytes).problem
    return PROBLEMS.get(status) or replace(PROBLEMS[400], status=status)


def _answer(problem: Problem) -> Response:
    if problem.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        hear_out()
    wanted = request.accept_mimetypes.best_match(["text/html", "application/json"])
    if request.path.startswith("/api/") or wanted == "application/json":
        response = problem_json(problem, g.request_id)
    else:
        page = render_template("error.html", problem=problem, request_id=g.request_id)
        response = make_response(page, problem.status)
    response.vary.add("Accept")
    if problem.retry_after:
        response.headers["Retry-After"] = str(problem.retry_after)
    return response
