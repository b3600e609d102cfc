"""Signing in and out."""

import re
from http import HTTPStatus

from flask import (
    Blueprint,
    flash,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue

from rubberduck.web.deps import text
from rubberduck.web.operators import (
    audit_log,
    current_session,
    delete_cookie,
    links,
    sessions,
    set_cookie,
)
from rubberduck.web.responses import CACHE_NO_STORE
from rubberduck.web.uploads import form_value

sign_in = Blueprint("sign_in", __name__)

# A path of this site. Browsers take "//host" and "/\host" for another one.
LOCAL_PATH_RE = re.compile(r"/(?![/\\])[!-~]{0,2000}")


@sign_in.get("/sign-in")
def index() -> ResponseReturnValue:
    return render_template("sign_in.html", next=local_path(request.args.get("next", "")))


@sign_in.get("/sign-in/link")
def show_link() -> ResponseReturnValue:
    """Return a page with a button: a preview of the link must not use it up."""
    secret = request.args.get("token", "")
    operator = links().check(secret)
    page = render_template("sign_in_link.html", operator=operator, token=secret)
    # The address is a secret. "no-referrer" would make the form's Origin null.
    return page, {"Cache-Control": CACHE_NO_STORE, "Referrer-Policy": "same-origin"}


@sign_in.post("/sign-in/link")
def use_link() -> ResponseReturnValue:
    operator = links().use(form_value("token"))
    if session := current_session():  # of whoever signed in here before
        sessions().revoke(session.id, session.operator_id)
    secret = sessions().create(operator, "link", request.user_agent.string)
    audit_log().add(operator.id, operator.name, "sign-in", "link")
    response = redirect(url_for("operators.index"), HTTPStatus.SEE_OTHER)
    set_cookie(response, secret)
    return response


@sign_in.post("/sign-out")
def sign_out() -> ResponseReturnValue:
    """End the session, also if the cookie is kept or copied."""
    if session := current_session():
        sessions().revoke(session.id, session.operator_id)
    flash(text("You are signed out."))
    response = redirect(url_for("sign_in.index"), HTTPStatus.SEE_OTHER)
    delete_cookie(response)
    return response


def local_path(given: str) -> str:
    """Return a path of this site, or "" for anything else, such as another site's address.

    >>> local_path("/projects?page=2"), local_path("https://evil.test"), local_path("//evil.test")
    ('/projects?page=2', '', '')
    """
    return given if LOCAL_PATH_RE.fullmatch(given) else ""
