"""API keys, made and revoked on "My pictures"."""

import re
from datetime import timedelta
from http import HTTPStatus

from flask import Blueprint, flash, make_response, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from rubberduck.core.errors import InvalidParameter
from rubberduck.web.api_keys import tokens
from rubberduck.web.deps import text
from rubberduck.web.responses import CACHE_NO_STORE
from rubberduck.web.sessions import known_visitor, visitor
from rubberduck.web.uploads import form_value

keys = Blueprint("keys", __name__, url_prefix="/mine/keys")

LIFETIMES = {"30": 30, "90": 90, "365": 365}  # days
NAME_RE = re.compile(r"[^\x00-\x1f\x7f]{1,80}")


@keys.post("")
def create() -> ResponseReturnValue:
    """Make a key and show it, once: only its hash is stored."""
    name = form_value("name").strip()
    if not NAME_RE.fullmatch(name):
        raise InvalidParameter("A key needs a name of 1 to 80 characters.")
    days = LIFETIMES.get(form_value("days"))
    if days is None:
        raise InvalidParameter("“days” must be 30, 90 or 365.")
    secret, token = tokens().create(visitor(), name, timedelta(days=days))
    page = render_template("key.html", secret=secret, token=token)
    response = make_response(page, HTTPStatus.CREATED)
    response.headers["Cache-Control"] = CACHE_NO_STORE
    return response


@keys.post("/<id>/revoke")
def revoke(id: str) -> ResponseReturnValue:
    """Revoke one of the visitor's own keys."""
    tokens().revoke(id, known_visitor() or "")
    flash(text("Revoked: programs with this key are refused from now on."))
    return redirect(url_for("mine.index", _anchor="keys"), HTTPStatus.SEE_OTHER)
