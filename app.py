"""The site: what each request passes through."""

import logging
import sys
from datetime import timedelta
from functools import partial

import click
from flask import Flask, Response
from flask.cli import AppGroup
from werkzeug.middleware.proxy_fix import ProxyFix

from composition import build_finder
from rubberduck.api.openapi.document import openapi
from rubberduck.api.routes import api
from rubberduck.core.errors import WrongQuestion
from rubberduck.core.settings import Settings, WrongSettings, load_settings, unknown_variables
from rubberduck.pages.about import about
from rubberduck.pages.home import home
from rubberduck.pages.mine import mine
from rubberduck.pages.results import results
from rubberduck.pages.statistics import statistics
from rubberduck.pages.templating import STYLE, set_up_templates
from rubberduck.services.pipeline import Finder
from rubberduck.services.readiness import Readiness
from rubberduck.services.retention import Sweeper
from rubberduck.services.samples import Samples
from rubberduck.web.csrf import refuse_forged_forms, refuse_others
from rubberduck.web.deps import sweeper
from rubberduck.web.error_handlers import explain_refusals
from rubberduck.web.health import health
from rubberduck.web.logging import log_as_a_command, log_as_a_server, number_requests
from rubberduck.web.rate_limits import limit_requests
from rubberduck.web.security_headers import add_headers, content_security_policy
from rubberduck.web.sessions import Cookies, secret_key
from rubberduck.web.uploads import UploadRequest

log = logging.getLogger(__name__)

FORM_AROUND_A_PICTURE = 64 * 1024  # bytes that a multipart form may add to its file


def start() -> Flask:
    """For wsgi.py: whatever is wrong at start is told in plain words, without a traceback."""
    is_command = click.get_current_context(silent=True) is not None  # it says itself what it does
    try:
        settings = load_settings()
        (log_as_a_command if is_command else log_as_a_server)(settings.log_level)
        app = create_app(settings)
    except (WrongSettings, WrongQuestion) as error:
        sys.exit(f"The site does not start. {error}")
    if not is_command:
        finder: Finder = app.extensions["finder"]
        where, who = finder.storage.where, finder.detector.name
        log.info("Pictures go to %s; the answers are of %s.", where, who)
        for name, meant in unknown_variables().items():
            log.warning("%s is no setting; did you mean %s?", name, meant or "something else")
    return app


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
    app.cli = Commands()
    for blueprint in (home, results, mine, statistics, about, api, openapi, health):
        app.register_blueprint(blueprint)
    number_requests(app)
    refuse_others(app)
    limit_requests(app, settings)
    refuse_forged_forms(app, exempt=api)
    app.after_request(_sweep_sometimes)
    policy = content_security_policy(STYLE, finder.storage.origin)
    app.after_request(partial(add_headers, policy=policy))
    explain_refusals(app)
    return app


class Commands(AppGroup):
    """`flask check` and the others, loaded when one is typed: visitors need none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        self._load()
        return super().list_commands(ctx)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        self._load()
        return super().get_command(ctx, cmd_name)

    def _load(self) -> None:
        from rubberduck.cli.commands import commands

        self.commands.update(commands.commands)


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


def _sweep_sometimes(response: Response) -> Response:
    sweeper().sometimes()
    return response
