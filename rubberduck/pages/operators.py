"""Pages of those who signed in: their sessions and API keys; for operators, people and acts."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, cast

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from rubberduck.core.errors import InvalidParameter
from rubberduck.pages.keys import form_name_and_lifetime, new_key_page
from rubberduck.web.api_keys import LIFETIMES, tokens
from rubberduck.web.deps import text
from rubberduck.web.operators import (
    another_person,
    audit_log,
    audited,
    create_own_key,
    current_session,
    entry_number,
    let_in,
    people,
    remove_access,
    require_labeller,
    require_operator,
    revoke_own_key,
    sessions,
)
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
    person = require_labeller()
    with audited("session.end", id):
        sessions().revoke(id, person.id)
    flash(text("The session has ended."))
    return redirect(url_for("operators.index"), HTTPStatus.SEE_OTHER)


@operators.post("/keys")
def create_key() -> ResponseReturnValue:
    """Make an API key with which a program does what an operator or a labeller does."""
    require_operator()
    name, lifetime = form_name_and_lifetime()
    if (scope := form_value("scope")) not in SCOPES:
        raise InvalidParameter("“scope” must be operator or labeller.")
    secret, token = create_own_key(name, lifetime, cast("Scope", scope))
    return new_key_page(secret, token, url_for("operators.index", _anchor="keys"))


@operators.post("/keys/<id>/revoke")
def revoke_key(id: str) -> ResponseReturnValue:
    revoke_own_key(id)
    flash(text("Revoked: programs with this key are refused from now on."))
    return redirect(url_for("operators.index"), HTTPStatus.SEE_OTHER)


@operators.get("/people")
def people_page() -> ResponseReturnValue:
    """Return a page of everybody who may sign in, with what is open to them."""
    return render_template("people.html", person=require_operator(), people=people())


@operators.get("/people/<id>/remove")
def confirm_remove(id: str) -> ResponseReturnValue:
    return render_template("person_remove.html", other=another_person(id))


@operators.post("/people/<id>/remove")
def remove(id: str) -> ResponseReturnValue:
    """End the access of somebody who left."""
    removed = remove_access(id)
    told = text("{name} is signed out everywhere and cannot sign in.")
    flash(told.format(name=removed.name))
    return redirect(url_for("operators.people_page"), HTTPStatus.SEE_OTHER)


@operators.post("/people/<id>/let-in")
def let_in_again(id: str) -> ResponseReturnValue:
    flash(text("{name} may sign in again.").format(name=let_in(id).name))
    return redirect(url_for("operators.people_page"), HTTPStatus.SEE_OTHER)


@operators.get("/audit")
def audit_page() -> ResponseReturnValue:
    """Return a page of what operators did, the newest first."""
    require_operator()
    entries = audit_log().page(ENTRIES + 1, entry_number("before"))
    older = entries[ENTRIES - 1].id if len(entries) > ENTRIES else None
    return render_template("audit.html", entries=entries[:ENTRIES], older=older)
