"""The Flask application: its blueprints, commands and request hooks."""

import logging
import secrets
import sys
from dataclasses import replace
from datetime import timedelta
from functools import cache, partial
from typing import TYPE_CHECKING

import click
from flask import Flask, Response, current_app
from flask.cli import AppGroup
from werkzeug.middleware.proxy_fix import ProxyFix

from composition import build_event_poller, build_pipeline
from rubberduck.api.blueprint import api_blueprint, openapi_blueprint
from rubberduck.api.tus import MethodOverride
from rubberduck.core.errors import InvalidQuestion
from rubberduck.core.settings import InvalidSettings, Settings
from rubberduck.core.settings_loading import load_settings, unknown_variables
from rubberduck.core.translations import load_translations
from rubberduck.pages.about import about
from rubberduck.pages.aws_training import aws_training
from rubberduck.pages.celebrities import celebrities
from rubberduck.pages.collections import collections
from rubberduck.pages.faces import faces
from rubberduck.pages.home import home
from rubberduck.pages.install import install
from rubberduck.pages.jobs import jobs
from rubberduck.pages.keys import keys
from rubberduck.pages.labelling import labelling
from rubberduck.pages.many import many
from rubberduck.pages.mine import mine
from rubberduck.pages.model_life import model_life
from rubberduck.pages.models import models
from rubberduck.pages.named_objects import named_objects_pages
from rubberduck.pages.operators import operators
from rubberduck.pages.project_data import project_data
from rubberduck.pages.project_settings import project_settings
from rubberduck.pages.projects import projects_pages
from rubberduck.pages.results import results
from rubberduck.pages.sign_in import sign_in
from rubberduck.pages.statistics import statistics
from rubberduck.pages.templating import STYLE, configure_templates
from rubberduck.pages.video_frames import video_frames
from rubberduck.pages.video_paid import video_paid
from rubberduck.pages.videos import videos
from rubberduck.pages.which import which
from rubberduck.services.answering_models import AnsweringModels
from rubberduck.services.known_objects import KnownObjects
from rubberduck.services.model_watch import ModelWatch, build_hosting
from rubberduck.services.pipeline import Pipeline
from rubberduck.services.readiness import Readiness
from rubberduck.services.retention import Sweeper
from rubberduck.web.api_keys import register_api_keys
from rubberduck.web.csrf import register_csrf_protection, register_request_checks
from rubberduck.web.deps import sweeper
from rubberduck.web.error_handlers import register_error_handlers
from rubberduck.web.health import health
from rubberduck.web.logging import (
    configure_command_logging,
    configure_server_logging,
    register_request_ids,
)
from rubberduck.web.multipart import UploadRequest
from rubberduck.web.named_objects import register_named_object_uploads
from rubberduck.web.operators import register_operators
from rubberduck.web.projects import register_project_uploads
from rubberduck.web.questions import register_questions
from rubberduck.web.rate_limits import register_rate_limits
from rubberduck.web.security_headers import add_headers, content_security_policy
from rubberduck.web.sessions import SignedCookieSessions, secret_key
from rubberduck.web.url_rules import LazyRule
from rubberduck.web.video_uploads import register_video_uploads

if TYPE_CHECKING:
    from rubberduck.emulator.emulator import Emulator

log = logging.getLogger(__name__)

FORM_OVERHEAD = 64 * 1024  # bytes that a multipart form may add to its file


def start() -> Flask:
    """Return the application for wsgi.py. Exits with a message if a setting is invalid."""
    is_command = click.get_current_context(silent=True) is not None  # which writes its own output
    try:
        settings = load_settings()
        (configure_command_logging if is_command else configure_server_logging)(settings.log_level)
        app = create_app(settings)
    except (InvalidSettings, InvalidQuestion) as error:
        sys.exit(f"The site does not start. {error}")
    if not is_command:
        pipeline: Pipeline = app.extensions["pipeline"]
        message = "site started storage=%r detector=%r"
        log.info(message, pipeline.storage.where, pipeline.detector.name)
        for name, similar in unknown_variables().items():
            log.warning("unknown setting name=%s similar=%s", name, similar or "none")
    return app


def create_app(settings: Settings, *, pipeline: Pipeline | None = None) -> Flask:
    """Return the application. Without a `pipeline`, builds the one that the settings ask for."""
    app = Flask(__name__)
    app.request_class = UploadRequest
    app.url_rule_class = LazyRule
    app.config["MAX_CONTENT_LENGTH"] = settings.max_bytes + FORM_OVERHEAD
    pipeline = pipeline or build_pipeline(settings)
    if settings.metrics:
        from rubberduck.web.metrics import create_metrics, register_metrics

        metrics = create_metrics()
        pipeline = replace(pipeline, observers=(*pipeline.observers, metrics))
        register_metrics(app, metrics)
    app.extensions["settings"] = settings
    app.extensions["pipeline"] = pipeline
    app.extensions["readiness"] = Readiness(pipeline)
    app.extensions["samples"] = {}
    open_hosting = cache(partial(build_hosting, pipeline, settings))
    app.extensions["hosting"] = open_hosting
    app.extensions["open_event_poller"] = partial(build_event_poller, settings, pipeline)
    app.extensions["answering_models"] = AnsweringModels(
        pipeline, open_hosting, load_translations(settings.language).gettext
    )
    app.extensions["known_objects"] = KnownObjects(pipeline)
    if pipeline.open_custom_labels is not None:
        app.extensions["model_watch"] = ModelWatch(lambda: pipeline.results.database, open_hosting)
        app.after_request(_trigger_model_watch)
    app.extensions["sweeper"] = Sweeper(
        pipeline.open_results, pipeline.storage, pipeline.observers, pipeline.open_collections
    )
    _configure_sessions(app, settings)
    app.wsgi_app = MethodOverride(app.wsgi_app)  # type: ignore[method-assign]
    _trust_proxies(app, settings.proxies)
    if settings.emulator:
        _add_emulator(app, settings, pipeline)
    configure_templates(app, pipeline.question, settings.language)
    app.cli = Commands()
    pages = (home, many, install, results, jobs, mine, keys, statistics, about, sign_in, operators)
    wings = (
        projects_pages,
        project_settings,
        project_data,
        labelling,
        model_life,
        models,
        aws_training,
        videos,
        video_paid,
        video_frames,
        celebrities,
        collections,
        faces,
        which,
        named_objects_pages,
    )
    for blueprint in (*pages, *wings, api_blueprint, openapi_blueprint, health):
        app.register_blueprint(blueprint)
    register_request_ids(app)
    register_request_checks(app)
    register_rate_limits(app, settings)
    register_api_keys(app)
    register_questions(app)
    register_project_uploads(app)
    register_named_object_uploads(app)
    register_video_uploads(app)
    register_csrf_protection(app, exempt=api_blueprint)
    app.after_request(_trigger_sweep)
    origin = pipeline.storage.origin
    policy = content_security_policy(STYLE, origin, origin)
    app.after_request(partial(add_headers, policy=policy))
    register_operators(app, settings)
    register_error_handlers(app)
    return app


def _add_emulator(app: Flask, settings: Settings, pipeline: Pipeline) -> None:
    """Answer Rekognition's protocol, before proxies' headers are read. Raises InvalidSettings."""
    from rubberduck.emulator.endpoint import Endpoint
    from rubberduck.emulator.guard import check_environment

    check_environment()
    server = secrets.token_hex(8)  # here, in the master process: all workers share it

    @cache
    def open_emulator() -> "Emulator":
        from rubberduck.emulator.emulator import Emulator
        from rubberduck.emulator.site import Site

        hosting, models = app.extensions["hosting"], app.extensions["answering_models"]
        return Emulator(Site(pipeline, settings, hosting, models, server))

    app.wsgi_app = Endpoint(app.wsgi_app, settings, open_emulator)  # type: ignore[method-assign]


class Commands(AppGroup):
    """The command-line commands, imported on first use: the server needs none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        self._load()
        return super().list_commands(ctx)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        self._load()
        return super().get_command(ctx, cmd_name)

    def _load(self) -> None:
        from rubberduck.cli.commands import commands

        self.commands.update(commands.commands)


def _trust_proxies(app: Flask, proxies: int) -> None:
    """Trust only the last `proxies` values of X-Forwarded-*: clients can forge those before."""
    if proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies)  # type: ignore[method-assign]


def _configure_sessions(app: Flask, settings: Settings) -> None:
    app.secret_key = secret_key(settings)
    app.session_interface = SignedCookieSessions()
    app.permanent_session_lifetime = timedelta(days=settings.keep_days)
    app.config["SESSION_COOKIE_SAMESITE"] = "Lax"
    app.config["SESSION_REFRESH_EACH_REQUEST"] = False  # `visitor` refreshes it


def _trigger_model_watch(response: Response) -> Response:
    watch: ModelWatch = current_app.extensions["model_watch"]
    watch.maybe_run()
    return response


def _trigger_sweep(response: Response) -> Response:
    sweeper().maybe_sweep()
    return response
