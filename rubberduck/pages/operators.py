"""Pages of those who signed in: their sessions and API keys; for operators, the audit list."""

from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, cast

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from rubberduck.core.errors import InvalidParameter
from rubberduck.pages.keys import LIFETIMES, NAME_RE
from rubberduck.web.api_keys import tokens
from rubberduck.web.deps import text
from rubberduck.web.operators import (
    audit,
    audit_log,
    current_session,
    require_labeller,
    require_operator,
    sessions,
)
from rubberduck.web.responses import CACHE_NO_STORE
from rubberduck.web.uploads import form_value

if TYPE_CHECKING:
    from rubberduck.accounts.tokens import Scope

operators = Blueprint("operators", __name__, url_prefix="/account")
SCOPES = ("operator", "labeller")
ENTRIES = 50  # of the audit list, on a page


@operators.get("/")
def index() -> ResponseReturnValue:
    """Return the page of one's own sessions and API keys."""
    person = require_labeller()
    return render_template(
        "account.html",
        person=person,
        sessions=sessions().list(person.id),
        current=current_session(),
        tokens=tokens().list_for_owner(person.id),
        lifetimes=LIFETIMES,
        now=datetime.now(UTC),
    )


@operators.post("/sessions/<id>/end")
def end_session(id: str) -> ResponseReturnValue:
    """End one of one's own sessions, for example of a lost phone."""
    sessions().revoke(id, require_labeller().id)
    audit("session.end", id)
    flash(text("The session has ended."))
    return redirect(url_for("operators.index"), HTTPStatus.SEE_OTHER)


@operators.post("/keys")
def create_key() -> ResponseReturnValue:
    """Make an API key with which a program does what an operator or a labeller does."""
    person, name, scope = require_operator(), form_value("name").strip(), form_value("scope")
    if not NAME_RE.fullmatch(name):
        raise InvalidParameter("A key needs a name of 1 to 80 characters.")
    if (days := LIFETIMES.get(form_value("days"))) is None:
        raise InvalidParameter("“days” must be 30, 90 or 365.")
    if scope not in SCOPES:
        raise InvalidParameter("“scope” must be operator or labeller.")
    secret, token = tokens().create(person.id, name, timedelta(days=days), cast("Scope", scope))
    audit("token.create", name, scope=scope, days=days)
    page = render_template("operator_key.html", secret=secret, token=token)
    response = make_response(page, HTTPStatus.CREATED)
    response.headers["Cache-Control"] = CACHE_NO_STORE
    return response


@operators.post("/keys/<id>/revoke")
def revoke_key(id: str) -> ResponseReturnValue:
    tokens().revoke(id, require_labeller().id)
    audit("token.revoke", id)
    flash(text("Revoked: programs with this key are refused from now on."))
    return redirect(url_for("operators.index"), HTTPStatus.SEE_OTHER)


@operators.get("/audit")
def audit_page() -> ResponseReturnValue:
    """Return a page of what operators did, the newest first."""
    require_operator()
    before = request.args.get("before")
    if before is not None and not (before.isascii() and before.isdigit() and len(before) < 10):
        raise InvalidParameter("“before” must be the number of an entry.")
    entries = audit_log().page(ENTRIES + 1, int(before) if before else None)
    older = entries[ENTRIES - 1].id if len(entries) > ENTRIES else None
    return render_template("audit.html", entries=entries[:ENTRIES], older=older)
