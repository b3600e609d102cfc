"""Operators' requests: who signed in, what they may do, and the audit list.

A session is a cookie of its own beside the visitor's: visitors stay anonymous, and a session that
is revoked or 12 hours old leaves the visitor's pictures where they are. Programs send an API token
of the scope labeller or operator instead.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import flask
from flask import Flask, current_app, g, request
from werkzeug import Response

from rubberduck.core.errors import DuckError, InvalidParameter, ResultsUnavailable
from rubberduck.core.settings import InvalidSettings, Settings
from rubberduck.web.api_keys import current_token, tokens
from rubberduck.web.deps import pipeline, settings, shared
from rubberduck.web.errors import NotAllowed, NotSignedIn
from rubberduck.web.sessions import site_id

if TYPE_CHECKING:
    from rubberduck.accounts.audit import AuditLog
    from rubberduck.accounts.links import Links
    from rubberduck.accounts.oidc import Provider
    from rubberduck.accounts.operators import Operator, Operators
    from rubberduck.accounts.people import Person
    from rubberduck.accounts.sessions import How, Session, Sessions
    from rubberduck.accounts.tokens import Scope, Token

UNKNOWN = object()
MAX_ENTRY_DIGITS = 10  # PostgreSQL's integers have no more


def register_operators(app: Flask, settings: Settings) -> None:
    """Raise InvalidSettings for an OpenID provider at which this site has no id."""
    if settings.oidc_issuer and not settings.oidc_client_id:
        raise InvalidSettings(
            "DUCK_OIDC_CLIENT_ID is missing: the OpenID provider of DUCK_OIDC_ISSUER gives the "
            "site an id when you register it there."
        )
    app.after_request(_forbid_caching)


def current_operator() -> "Operator | None":
    """Return who signed in, by cookie or API token; None for everybody else."""
    if (found := g.get("operator", UNKNOWN)) is UNKNOWN:
        found = g.operator = _find_operator()
    operator: Operator | None = found
    return operator


def require_operator() -> "Operator":
    """Return the operator. Raises NotSignedIn, and NotAllowed for those who only label."""
    operator = require_labeller()
    if not operator.is_operator:
        raise NotAllowed
    return operator


def require_labeller() -> "Operator":
    """Return who signed in: a labeller or an operator, who may label, too. Raises NotSignedIn."""
    if (operator := current_operator()) is None:
        raise NotSignedIn
    return operator


def audit(act: str, object: str, **details: Any) -> None:
    """Note in the audit list what the signed-in operator does. Raises NotSignedIn."""
    operator = require_labeller()
    audit_log().add(operator.id, operator.name, act, object, **details)


@contextmanager
def audited(act: str, object: str, **details: Any) -> Iterator[None]:
    """Note what is about to be done, as it costs money or deletes: what cannot be noted is not.

    A refusal or a failure is noted after it, as the act's name with ".failed".
    """
    audit(act, object, **details)
    try:
        yield
    except DuckError as error:
        with suppress(ResultsUnavailable):  # the error says more
            audit(f"{act}.failed", object, reason=error.slug)
        raise


def audit_terminal(act: str, object: str, **details: Any) -> None:
    """Note in the audit list what somebody does at the command line, who signed in nowhere."""
    # Imported late: see `operators`.
    from rubberduck.accounts.audit import TERMINAL

    audit_log().add("", TERMINAL, act, object, **details)


def create_own_key(name: str, lifetime: timedelta, scope: "Scope") -> "tuple[str, Token]":
    """Make an API key of the operator; return its secret, which is not stored, and the key.

    A key that a program makes with another one ends with that one, also if it is revoked: whoever
    has found a key must not prolong it. Raises NotSignedIn, NotAllowed, TooManyTokens.
    """
    operator, maker = require_operator(), current_token()
    secret, token = tokens().create(operator.id, name, lifetime, scope, maker)
    details = {"made_with": maker.name} if maker else {}
    days = math.ceil((token.expires_at - token.created_at) / timedelta(days=1))
    audit("token.create", name, id=token.id, scope=scope, days=days, **details)
    return secret, token


def revoke_own_key(id: str) -> None:
    """End an API key of who signed in. Raises NotSignedIn, and NoSuchResult for anybody else's."""
    person = require_labeller()
    with audited("token.revoke", id):
        tokens().revoke(id, person.id)


def require_all_rights() -> "Operator":
    """Return who signed in. Raises NotAllowed for a labeller's key, which is one for less."""
    person = require_labeller()
    if current_token() is not None and not person.is_operator:
        raise NotAllowed
    return person


def remove_access(id: str) -> "Operator":
    """End all sessions and keys of a person at once, and refuse new ones; return who it is.

    Raises NotSignedIn, NotAllowed, NoSuchOperator, and OwnAccess for one's own id.
    """
    person = another_person(id)
    with audited("operator.remove", person.name, id=id):
        operators().remove_access(id)
    return person


def let_in(id: str) -> "Operator":
    """Let a person who was removed sign in again. Raises as `remove_access` does."""
    person = another_person(id)
    with audited("operator.let-in", person.name, id=id, role=person.role):
        operators().let_in(id)
    return person


def another_person(id: str) -> "Operator":
    """Return the person of this id, for an operator who is somebody else."""
    # Imported late: see `operators`.
    from rubberduck.accounts.errors import OwnAccess

    if require_operator().id == id:
        raise OwnAccess
    return operators().get_even_removed(id)


def current_session() -> "Session | None":
    """Return the session of the request's cookie; None for a program's request."""
    current_operator()
    session: Session | None = g.get("operator_session")
    return session


def begin_session(
    response: Response, operator: "Operator", how: "How", id_token: str | None = None
) -> None:
    """Sign in with a new session, and end the one that this browser had before.

    The secret is always a new one: nobody can plant a session and wait until it is signed in.
    """
    # Imported late: see `operators`.
    from rubberduck.accounts.sessions import LIFETIME

    end_session()
    secret = sessions().create(operator, how, request.user_agent.string, id_token)
    audit_log().add(operator.id, operator.name, "sign-in", how)
    set_cookie(response, cookie_name(), secret, LIFETIME)


def end_session() -> "Session | None":
    """End the browser's session and return it: a copy of its cookie is worth nothing either."""
    if session := current_session():
        sessions().revoke(session.id, session.operator_id)
    return session


def cookie_name(purpose: str = "operator") -> str:
    """Return the name of a cookie; each site on a host has names of its own."""
    return f"{'__Host-' if request.is_secure else ''}{purpose}-{site_id(current_app)}"


def set_cookie(response: Response, name: str, value: str, lifetime: timedelta) -> None:
    # SameSite=Strict would lose it on the way back from an OpenID provider.
    secure = request.is_secure
    response.set_cookie(name, value, max_age=lifetime, secure=secure, httponly=True, samesite="Lax")


def delete_cookie(response: Response, name: str) -> None:
    response.delete_cookie(name, secure=request.is_secure, httponly=True, samesite="Lax")


def operators() -> "Operators":
    # Imported late, as all of accounts: visitors' requests need none of it.
    from rubberduck.accounts.operators import Operators

    return Operators(pipeline().results.database)


def sessions() -> "Sessions":
    from rubberduck.accounts.sessions import Sessions

    return Sessions(pipeline().results.database)


def people() -> "tuple[Person, ...]":
    from rubberduck.accounts.people import list_people

    return list_people(pipeline().results.database)


def links() -> "Links":
    from rubberduck.accounts.links import Links

    return Links(pipeline().results.database)


def provider() -> "Provider | None":
    """Return the OpenID provider of the settings, if there is one."""
    if settings().oidc_issuer is None:
        return None
    from rubberduck.accounts.oidc import Provider

    return shared("oidc_provider", lambda: Provider(settings()))


def audit_log() -> "AuditLog":
    from rubberduck.accounts.audit import AuditLog

    return AuditLog(pipeline().results.database)


def entry_number(name: str) -> int | None:
    """Return a parameter that is the number of an entry in the audit list, or None.

    Raises InvalidParameter.
    """
    if (given := request.args.get(name)) is None:
        return None
    if not (given.isascii() and given.isdigit() and len(given) < MAX_ENTRY_DIGITS):
        raise InvalidParameter("“{name}” must be the number of an entry.", name=name)
    return int(given)


def _find_operator() -> "Operator | None":
    if token := current_token():
        if token.scope == "visitor" or (operator := operators().get(token.owner)) is None:
            return None
        return operator.limited_to(token.scope)
    secret = request.cookies.get(cookie_name())
    if secret is None or (found := sessions().authenticate(secret)) is None:
        return None
    g.operator_session, operator = found
    return operator


def _forbid_caching(response: flask.Response) -> flask.Response:
    """Let no browser keep what only operators may see."""
    if g.get("operator") is not None:
        response.headers.setdefault("Cache-Control", "private, no-store")
    return response
