"""Requests of programs that send an API key, `Authorization: Bearer duck_…`.

Such a request acts as the visitor who made the key. Its cookie, if any, is ignored and none is set.
"""

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Literal, get_args

from flask import Flask, g, request

from rubberduck.core.errors import InvalidParameter
from rubberduck.web.deps import pipeline

if TYPE_CHECKING:
    from rubberduck.accounts.tokens import Token, Tokens

API_PATH = "/api/v1/"  # pages take the cookie alone
SCHEME = "bearer"
LifetimeDays = Literal[30, 90, 365]
LIFETIMES = {days: timedelta(days=days) for days in get_args(LifetimeDays)}
MAX_NAME = 80  # characters
NAME_RE = re.compile(rf"[^\x00-\x1f\x7f]{{1,{MAX_NAME}}}")


def register_api_keys(app: Flask) -> None:
    """Authenticate requests with a key; after the rate limits, which count wrong keys."""
    app.before_request(_authenticate)


def sent_key() -> str | None:
    """Return the bearer token of an API request, or None: other schemes are a proxy's business."""
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    is_key = scheme.lower() == SCHEME and request.path.startswith(API_PATH)
    return key.strip() if is_key else None


def current_token() -> "Token | None":
    """Return the token of the request's API key, or None without a key."""
    token: Token | None = g.get("api_token")
    return token


def tokens() -> "Tokens":
    # Imported late: requests without an API key need no accounts.
    from rubberduck.accounts.tokens import Tokens

    return Tokens(pipeline().results.database)


def checked_key_name(name: str) -> str:
    """Return the name of a new key without spaces around it. Raises InvalidParameter."""
    if not NAME_RE.fullmatch(stripped := name.strip()):
        raise InvalidParameter("A key needs a name of 1 to 80 characters.")
    return stripped


def _authenticate() -> None:
    """Raise InvalidToken for a key that is malformed, unknown, revoked or expired."""
    if request.endpoint and (key := sent_key()) is not None:
        g.api_token = tokens().authenticate(key)
