"""API keys, made and revoked on "My pictures". Operators' keys are made with the same form."""

from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING

from flask import Blueprint, Response, flash, redirect, url_for
from flask.typing import ResponseReturnValue

from rubberduck.core.errors import InvalidParameter
from rubberduck.web.api_keys import LIFETIMES, checked_key_name, tokens
from rubberduck.web.deps import text
from rubberduck.web.responses import private_page
from rubberduck.web.sessions import known_visitor, visitor
from rubberduck.web.uploads import form_value

if TYPE_CHECKING:
    from rubberduck.accounts.tokens import Token

keys = Blueprint("keys", __name__, url_prefix="/mine/keys")


@keys.post("")
def create() -> ResponseReturnValue:
    """Make a key of the visitor and show it."""
    secret, token = tokens().create(visitor(), *form_name_and_lifetime())
    return new_key_page(secret, token, url_for("mine.index", _anchor="keys"))


@keys.post("/<id>/revoke")
def revoke(id: str) -> ResponseReturnValue:
    """Revoke one of the visitor's own keys."""
    tokens().revoke(id, known_visitor() or "")
    flash(text("Revoked: programs with this key are refused from now on."))
    return redirect(url_for("mine.index", _anchor="keys"), HTTPStatus.SEE_OTHER)


def form_name_and_lifetime() -> tuple[str, timedelta]:
    """Return what the form says of a new key. Raises InvalidParameter."""
    name = checked_key_name(form_value("name"))
    lifetimes = {str(days): lifetime for days, lifetime in LIFETIMES.items()}
    if (lifetime := lifetimes.get(form_value("days"))) is None:
        raise InvalidParameter("“days” must be 30, 90 or 365.")
    return name, lifetime


def new_key_page(secret: str, token: "Token", back: str) -> Response:
    """Show a new key, the only time: just its hash is stored. `back` is the address of the list."""
    return private_page("key.html", HTTPStatus.CREATED, secret=secret, token=token, back=back)
