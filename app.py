"""The site: its composition, its pages, its error pages."""

import logging
import os
import secrets
import sys
from dataclasses import replace
from datetime import datetime
from http import HTTPStatus
from typing import cast

import click
from flask import (
    Blueprint,
    Flask,
    Response,
    current_app,
    g,
    jsonify,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue
from jinja2 import StrictUndefined
from werkzeug.exceptions import HTTPException

from rubberduck.api import api, problem_json, rfc3339
from rubberduck.commands import commands
from rubberduck.door import UploadRequest, finder, hear_out, uploaded_picture
from rubberduck.errors import (
    PROBLEMS,
    BrokenModel,
    DuckError,
    NoSuchResult,
    Problem,
    WrongQuestion,
)
from rubberduck.finder import Detector, Finder
from rubberduck.local_detector import LocalDetector
from rubberduck.model import Result, percent
from rubberduck.question import Question, load_question
from rubberduck.readiness import Readiness
from rubberduck.results import Results
from rubberduck.settings import Settings, WrongSettings, load_settings, unknown_variables
from rubberduck.storage import JPEG, FolderStorage, S3Storage, Storage

log = logging.getLogger(__name__)

FORM_AROUND_A_PICTURE = 64 * 1024  # bytes that a multipart form may add to its file
AWS_CONNECTIONS = 32

pages = Blueprint("pages", __name__)


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
    app.extensions["settings"] = settings
    app.extensions["finder"] = finder or build_finder(settings)
    app.extensions["readiness"] = Readiness(app.extensions["finder"])
    app.jinja_env.undefined = StrictUndefined
    app.add_template_filter(percent)
    app.add_template_filter(rfc3339)
    app.add_template_filter(day)
    app.add_template_global(picture_url)
    app.context_processor(_about_the_site)
    for blueprint in (pages, api, commands):
        app.register_blueprint(blueprint)
    app.before_request(_number_the_request)
    app.after_request(_sign)
    app.register_error_handler(DuckError, _our_error)
    app.register_error_handler(HTTPException, _http_error)
    return app


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
            f"DUCK_QUESTION asks for labels that the {local.name} does not know (it knows {known}):"
            " set DUCK_BUCKET, and Amazon Rekognition answers."
        )
    else:
        storage, detector, stand_in = FolderStorage(settings.uploads), local, None
    return Finder(
        question=question,
        detector=detector,
        stand_in=stand_in,
        storage=storage,
        results=Results(settings.database_url),
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
        read_timeout=8,
        retries={"mode": "standard", "total_max_attempts": 3},
        max_pool_connections=AWS_CONNECTIONS,
        s3={"addressing_style": "virtual" if is_amazons else "path"},
    )
    try:
        session = boto3.Session()
        s3 = session.client("s3", config=config)
        # "s3v4" is S3's own name for its signature; the rest of AWS says "v4".
        eyes = session.client("rekognition", config=config.merge(Config(signature_version="v4")))
    except (BotoCoreError, ValueError) as error:
        raise WrongSettings(
            f"AWS's own settings are wrong ({type(error).__name__}): look at AWS_PROFILE, "
            "AWS_CONFIG_FILE, and any AWS_ENDPOINT_URL."
        ) from None
    return (
        S3Storage(s3, bucket, settings.link_seconds),
        Rekognition(eyes, question.min_confidence),
    )


def _about_the_site() -> dict[str, object]:
    return {
        "question": finder().question,
        "engine": finder().detector.name,
        "where": finder().storage.where,
        "max_megabytes": finder().max_bytes / 1e6,
    }


@pages.get("/")
def index() -> ResponseReturnValue:
    return render_template("index.html")


@pages.post("/")
def look() -> ResponseReturnValue:
    """Take one picture and show the answer, under an address that can be read again."""
    result = finder().look(uploaded_picture())
    return redirect(url_for("pages.result", id=result.id), HTTPStatus.SEE_OTHER)


@pages.get("/result/<id>")
def result(id: str) -> ResponseReturnValue:
    result, question = finder().results.get(id), finder().question
    remark = None
    if result.question == question.title and not result.verdict.found:
        remark = question.remark(result.answer.labels, result.min_confidence)
    return render_template("result.html", result=result, remark=remark)


@pages.get("/result/<id>/picture.jpg")
def picture(id: str) -> ResponseReturnValue:
    return _jpeg(finder().results.get(id).picture_key)


@pages.get("/result/<id>/marked.jpg")
def marked(id: str) -> ResponseReturnValue:
    return _jpeg(finder().results.get(id).marked_key)


def _jpeg(key: str | None) -> ResponseReturnValue:
    """The picture itself, or the way to it, for who comes without a page of ours."""
    try:
        if key is None:
            raise FileNotFoundError
        if url := finder().storage.url(key):
            return redirect(url)
        jpeg = finder().storage.get(key)
    except FileNotFoundError:
        raise NoSuchResult from None
    headers = {"Cache-Control": "private, max-age=3600", "X-Content-Type-Options": "nosniff"}
    return jpeg, {"Content-Type": JPEG, **headers}


@pages.get("/healthz")
def healthz() -> ResponseReturnValue:
    """Alive: for the load balancer, which must not fail us for Amazon's faults."""
    return "ok", {"Content-Type": "text/plain"}


@pages.get("/readyz")
def readyz() -> ResponseReturnValue:
    """Ready for visitors: results can be written and pictures stored."""
    parts = cast(Readiness, current_app.extensions["readiness"]).parts()
    ready = all(parts.values())
    status = HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE
    words = {name: "ok" if fine else "not ready" for name, fine in parts.items()}
    return jsonify(ready=ready, **words), status


def _number_the_request() -> None:
    g.request_id = secrets.token_hex(8)


def _sign(response: Response) -> Response:
    response.headers["X-Request-ID"] = g.request_id
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
    response = _answer(PROBLEMS.get(error.code) or replace(PROBLEMS[400], status=error.code))
    for name, value in error.get_headers():
        if name in ("Allow", "Retry-After"):
            response.headers[name] = value
    return response


def _answer(problem: Problem) -> Response:
    if problem.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        hear_out()
    if request.path.startswith("/api/"):
        response = problem_json(problem, g.request_id)
    else:
        page = render_template("error.html", problem=problem, request_id=g.request_id)
        response = make_response(page, problem.status)
    if problem.retry_after:
        response.headers["Retry-After"] = str(problem.retry_after)
    return response


def day(moment: datetime) -> str:
    return f"{moment.day} {moment:%B %Y, %H:%M} UTC"


def picture_url(result: Result) -> str:
    """Where the page finds the picture, with the boxes if there are any."""
    key = result.marked_key or result.picture_key
    name = "pages.marked" if result.marked_key else "pages.picture"
    return finder().storage.url(key) or url_for(name, id=result.id)
