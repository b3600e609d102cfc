"""Signing in, with a one-time link or at an OpenID provider, and out."""

import logging
import re
from dataclasses import asdict
from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from flask import (
    Blueprint,
    current_app,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask.typing import ResponseReturnValue
from itsdangerous import BadSignature, URLSafeTimedSerializer
from werkzeug import Response

from rubberduck.core.errors import NoSuchResult
from rubberduck.web.deps import text
from rubberduck.web.operators import (
    audit,
    begin_session,
    cookie_name,
    current_operator,
    current_session,
    delete_cookie,
    end_session,
    links,
    operators,
    provider,
    set_cookie,
)
from rubberduck.web.responses import CACHE_NO_STORE
from rubberduck.web.uploads import form_value

if TYPE_CHECKING:
    from rubberduck.accounts.oidc import Attempt, Provider
    from rubberduck.accounts.sessions import Session

log = logging.getLogger(__name__)
sign_in = Blueprint("sign_in", __name__)

ATTEMPT_LIFETIME = timedelta(minutes=10)  # as long as a sign-in at the provider may take
NEXT = "after_sign_in"
# A path of this site. Browsers take "//host" and "/\host" for another one.
LOCAL_PATH_RE = re.compile(r"/(?![/\\])[!-~]{0,2000}")


@sign_in.get("/sign-in")
def index() -> ResponseReturnValue:
    if next := local_path(request.args.get("next", "")):
        session[NEXT] = next
    page = render_template("sign_in.html", provider=provider(), person=current_operator())
    return page, {"Cache-Control": CACHE_NO_STORE}


@sign_in.get("/sign-in/link")
def show_link() -> ResponseReturnValue:
    """Return a page with a button: a preview of the link must not use it up."""
    secret = request.args.get("token", "")
    page = render_template("sign_in_link.html", person=links().check(secret), token=secret)
    # The address is a secret. "no-referrer" would make the form's Origin null.
    return page, {"Cache-Control": CACHE_NO_STORE, "Referrer-Policy": "same-origin"}


@sign_in.post("/sign-in/link")
def use_link() -> ResponseReturnValue:
    person, response = links().use(form_value("token")), _go_on()
    begin_session(response, person, "link")
    return response


@sign_in.get("/sign-in/provider")
def begin() -> ResponseReturnValue:
    """Send the browser to the OpenID provider; a signed cookie keeps what it must bring back."""
    attempt = _provider().begin(_callback())
    response = redirect(attempt.url, HTTPStatus.SEE_OTHER)
    response.headers["Cache-Control"] = CACHE_NO_STORE
    set_cookie(response, cookie_name("oidc"), _attempts().dumps(asdict(attempt)), ATTEMPT_LIFETIME)
    return response


@sign_in.get("/sign-in/callback")
def finish() -> ResponseReturnValue:
    """Sign in whom the OpenID provider sends back."""
    from rubberduck.accounts.errors import NoRole

    try:
        person = _provider().finish(_attempt(), request.args, _callback())
    except NoRole as error:
        operators().lost_role(error.subject)
        raise
    operator = operators().signed_in_elsewhere(person.subject, person.name, person.role)
    response = _go_on()
    begin_session(response, operator, "oidc", person.id_token)
    delete_cookie(response, cookie_name("oidc"))
    return response


@sign_in.post("/sign-out")
def sign_out() -> ResponseReturnValue:
    """End the session here; who signed in at a provider that offers it goes there to do the same.

    By a page, not a redirect: browsers let a form lead to this site only (form-action).
    """
    if session_here := current_session():
        audit("sign-out", session_here.how)
    ended, index = end_session(), url_for("sign_in.index")
    address = _provider_sign_out(ended) if ended else None
    if address is None:
        flash(text("You are signed out."))
        response = redirect(index, HTTPStatus.SEE_OTHER)
    else:
        host = urlsplit(address).netloc
        page = render_template("signed_out.html", address=address, host=host)
        response = make_response(page, {"Cache-Control": CACHE_NO_STORE})
    delete_cookie(response, cookie_name())
    return response


def local_path(given: str) -> str:
    """Return a path of this site, or "" for anything else, such as another site's address.

    >>> local_path("/projects?page=2"), local_path("https://evil.test"), local_path("//evil.test")
    ('/projects?page=2', '', '')
    """
    return given if LOCAL_PATH_RE.fullmatch(given) else ""


def _go_on() -> Response:
    """Redirect to the page that asked for the sign-in, or to the projects."""
    return redirect(session.pop(NEXT, None) or url_for("projects.index"), HTTPStatus.SEE_OTHER)


def _provider() -> "Provider":
    if (found := provider()) is None:
        raise NoSuchResult
    return found


def _provider_sign_out(ended: "Session") -> str | None:
    """Return where the browser ends its sign-in at the provider, if it began there."""
    if ended.id_token is None or (found := provider()) is None:
        return None
    from rubberduck.accounts.errors import ProviderFailed

    try:
        return found.sign_out_url(ended.id_token, url_for("sign_in.index", _external=True))
    except ProviderFailed as error:
        log.warning("not signed out at the provider cause=%s", error.operator_message)
        return None


def _callback() -> str:
    return url_for("sign_in.finish", _external=True)


def _attempt() -> "Attempt":
    """Return the sign-in that this browser began. Raises SignInRefused."""
    # Imported late, as all of accounts.
    from rubberduck.accounts.errors import SignInRefused
    from rubberduck.accounts.oidc import Attempt

    try:
        cookie = request.cookies.get(cookie_name("oidc"), "")
        kept = _attempts().loads(cookie, max_age=int(ATTEMPT_LIFETIME.total_seconds()))
    except BadSignature:
        raise SignInRefused(
            "This sign-in was finished already, took more than ten minutes, or was not begun in "
            "this browser."
        ) from None
    return Attempt(**kept)


def _attempts() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(str(current_app.secret_key), salt="oidc")
