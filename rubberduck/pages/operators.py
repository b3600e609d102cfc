"""Pages of those who signed in: their own sessions, and for operators the audit list."""

from http import HTTPStatus

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from rubberduck.web.deps import text
from rubberduck.web.operators import audit, current_session, require_labeller, sessions

operators = Blueprint("operators", __name__, url_prefix="/account")


@operators.get("/")
def index() -> ResponseReturnValue:
    """Return the page of one's own sessions."""
    person = require_labeller()
    return render_template(
        "account.html",
        person=person,
        sessions=sessions().list(person.id),
        current=current_session(),
    )


@operators.post("/sessions/<id>/end")
def end_session(id: str) -> ResponseReturnValue:
    """End one of one's own sessions, for example of a lost phone."""
    person = require_labeller()
    sessions().revoke(id, person.id)
    audit("session.end", id)
    flash(text("The session has ended."))
    return redirect(url_for("operators.index"), HTTPStatus.SEE_OTHER)
