"""The API of those who signed in: their sessions, and for operators the audit list."""

from typing import Annotated, Any

from flask import url_for
from flask.typing import ResponseReturnValue
from pydantic import Field

from rubberduck.api.blueprint import api
from rubberduck.api.body_classes import body_class
from rubberduck.api.requests import page_limit
from rubberduck.api.routes import MAX_LIMIT, no_content
from rubberduck.api.schemas import ListLinks, Timestamp
from rubberduck.web.formatting import rfc3339
from rubberduck.web.operators import (
    audit_log,
    audited,
    current_session,
    entry_number,
    require_all_rights,
    require_labeller,
    require_operator,
    sessions,
)
from rubberduck.web.responses import as_json

DEFAULT_ENTRIES = 50


@body_class
class AccountBody:
    """Who sends the request."""

    id: str
    name: str
    role: Annotated[str, Field(description="operator or labeller: what this request may do")]


@body_class
class AuditEntryBody:
    """An act of an operator or labeller."""

    id: Annotated[int, Field(ge=1, description="counts the acts")]
    at: Timestamp
    who: Annotated[str, Field(description="the name of that time; terminal: the command line")]
    act: Annotated[str, Field(description="such as model.start")]
    object: Annotated[str, Field(description="to what, such as a name or an id")]
    details: Annotated[dict[str, Any], Field(description="what else is known")]


@body_class
class AuditListBody:
    """One page of the audit list, newest first."""

    entries: tuple[AuditEntryBody, ...]
    links: ListLinks


@body_class
class SignInSessionBody:
    """A sign-in in a browser that has not ended."""

    id: str
    created_at: Timestamp
    expires_at: Timestamp
    last_seen_at: Annotated[Timestamp, Field(description="to the minute")]
    how: Annotated[str, Field(description="link or oidc")]
    browser: Annotated[str, Field(description="the User-Agent of the sign-in")]
    is_current: Annotated[bool, Field(description="the one of this request's cookie")]


@body_class
class SignInSessionsBody:
    """A person's own sessions, newest first."""

    sessions: tuple[SignInSessionBody, ...]


@api.get("/account")
def get_account() -> ResponseReturnValue:
    """Return whose key or session this request has, and what it may do."""
    person = require_labeller()
    return as_json(AccountBody(person.id, person.name, person.role))


@api.get("/audit")
def list_audit() -> ResponseReturnValue:
    """Return one page of what operators did; for operators."""
    require_operator()
    limit, before = page_limit(DEFAULT_ENTRIES, MAX_LIMIT), entry_number("before")
    found = audit_log().page(limit + 1, before)
    shown = tuple(
        AuditEntryBody(
            entry.id,
            rfc3339(entry.at),
            entry.operator_name,
            entry.act,
            entry.object,
            dict(entry.details),
        )
        for entry in found[:limit]
    )
    next = None
    if len(found) > limit:
        next = url_for("api.list_audit", limit=limit, before=shown[-1].id)
    return as_json(AuditListBody(shown, ListLinks(next)))


@api.get("/sessions")
def list_sessions() -> ResponseReturnValue:
    """Return the person's own sessions."""
    person, current = require_all_rights(), current_session()
    listed = tuple(
        SignInSessionBody(
            id=session.id,
            created_at=rfc3339(session.created_at),
            expires_at=rfc3339(session.expires_at),
            last_seen_at=rfc3339(session.last_seen_at),
            how=session.how,
            browser=session.browser,
            is_current=current is not None and current.id == session.id,
        )
        for session in sessions().list(person.id)
    )
    return as_json(SignInSessionsBody(listed))


@api.delete("/sessions/<id>")
def end_session(id: str) -> ResponseReturnValue:
    """End one of the person's own sessions."""
    person = require_all_rights()
    with audited("session.end", id):
        sessions().revoke(id, person.id)
    return no_content()
