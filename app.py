"""The site: its composition, its pages, its error pages."""

import logging
import os
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

from rubberduck.api import api
from rubberduck.breaker import Breaker
from rubberduck.bucket import S3Storage
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
from rubberduck.finder import Detector, Finder
from rubberduck.headers import add_headers, content_security_policy
from rubberduck.health import health
from rubberduck.local_detector import LocalDetector
from rubberduck.openapi import openapi
from rubberduck.pages import pages
from rubberduck.pictures import too_large
from rubberduck.question import Question, load_question
from rubberduck.readiness import Readiness
from rubberduck.representations import problem_json
from rubberduck.results import Results
from rubberduck.samples import Samples
from rubberduck.settings import Settings, WrongSettings, load_settings, unknown_variables
from rubberduck.storage import FolderStorage, Storage
from rubberduck.sweeper import Sweeper
from rubberduck.templating import STYLE, set_up_templates
from rubberduck.visitors import Cookies, secret_key

log = logging.getLogger(__name__)

FORM_AROUND_A_PICTURE = 64 * 1024  # bytes that a multipart form may add to its file
AWS_CONNECTIONS = 32
# Less sure than any rule counts: near misses are worth showing, and cost nothing more.
NEAR_MISS = 10.0


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


def build_finder(settings: Settings) -> Finder:
    """A folder and the embedded detector; with a bucket, S3 and Amazon Rekognition."""
    question = load_question(settings.question)
    local = LocalDetector()
    stand_in = local if question.can_be_answered_with(local.words) else None
    storage: Storage
    detector: Detector
    if settings.bucket:
        storage, detector = _on_aws(settings, settings.bucket, question)
    elif stand_in is None:
        known = ", ".join(sorted(local.words))
        raise WrongQuestion(
            "DUCK_QUESTION asks for labels that the {name} does not know (it knows {known}):"
            " set DUCK_BUCKET, and Amazon Rekognition answers.",
            name=local.name,
            known=known,
        )
    else:
        storage, detector, stand_in = FolderStorage(settings.uploads), local, None
    return Finder(
        question=question,
        detector=detector,
        stand_in=stand_in,
        storage=storage,
        results=Results(settings.database_url, timedelta(days=settings.keep_days)),
        max_bytes=settings.max_bytes,
        max_side=settings.max_side,
    )


def _on_aws(settings: Settings, bucket: str, question: Question) -> tuple[Storage, Detector]:
    # Not at the top: without a bucket the site starts without Amazon's library.
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError

    from rekognition import Rekognition

    # Amazon's bucket is asked at its regional address: the global one redirects, and a signed link
    # breaks on the way. Another server, such as a test's, need not know its buckets as host names.
    is_amazons = not (os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL"))
    config = Config(
        region_name=settings.region,
        signature_version="s3v4",
        connect_timeout=2,
        read_timeout=5,
        retries={"mode": "standard", "total_max_attempts": 3},
        max_pool_connections=AWS_CONNECTIONS,
        s3={"addressing_style": "virtual" if is_amazons else "path"},
    )
    # A visitor waits for S3, and nothing stands in for it; for Rekognition, the stand-in does.
    hurried = Config(retries={"mode": "standard", "total_max_attempts": 2})
    try:
        session = boto3.Session()
        s3 = session.client("s3", config=config.merge(hurried))
        # "s3v4" is S3's own name for its signature; the rest of AWS says "v4".
        eyes = session.client("rekognition", config=config.merge(Config(signature_version="v4")))
    except (BotoCoreError, ValueError) as error:
        raise WrongSettings(
            f"AWS's own settings are wrong ({type(error).__name__}): look at AWS_PROFILE, "
            "AWS_CONFIG_FILE, and any AWS_ENDPOINT_URL."
        ) from None
    return (
        S3Storage(s3, bucket, settings.link_seconds),
        Breaker(Rekognition(eyes, min(question.min_confidence, NEAR_MISS))),
    )


def _number_the_request() -> None:
    g.request_id = secrets.token_hex(8)


def _sign(response: Response) -> Response:
    response.headers["X-Request-ID"] = g.request_id
    return response


def _sweep_sometimes(response: Response) -> Response:
    sweeper().sometimes()
    return response


def _our_error(error: DuckError) -> ResponseReturnValue:
    if error.problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
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
