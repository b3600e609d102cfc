"""The API of the API keys of those who signed in: list, make, revoke."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any, Literal

from flask.typing import ResponseReturnValue
from pydantic import Field

from rubberduck.api.blueprint import api
from rubberduck.api.body_classes import body_class
from rubberduck.api.requests import parsed_body
from rubberduck.api.routes import no_content
from rubberduck.api.schemas import WHOLE, Timestamp
from rubberduck.web.api_keys import (
    LIFETIMES,
    MAX_NAME,
    LifetimeDays,
    checked_key_name,
    current_token,
    tokens,
)
from rubberduck.web.formatting import rfc3339
from rubberduck.web.operators import (
    create_own_key,
    require_all_rights,
    require_operator,
    revoke_own_key,
)
from rubberduck.web.responses import as_json

if TYPE_CHECKING:
    from rubberduck.accounts.tokens import Token


@body_class
class ApiKeyBody:
    """An API key of a person, without its secret."""

    id: str
    name: str
    scope: Annotated[str, Field(description="operator or labeller: what it may do at most")]
    created_at: Timestamp
    expires_at: Timestamp
    last_used_at: Annotated[Timestamp | None, Field(description="to the minute; null: never")]
    has_expired: bool
    is_current: Annotated[bool, Field(description="the one of this request")]


@body_class
class ApiKeysBody:
    """A person's own API keys, newest first."""

    keys: tuple[ApiKeyBody, ...]


@body_class
class NewApiKeyRequestBody:
    """An API key to make."""

    name: Annotated[str, Field(min_length=1, max_length=MAX_NAME)]
    scope: Literal["operator", "labeller"]
    days: Annotated[
        LifetimeDays,
        WHOLE,
        Field(description="how long it is valid, and not longer than the key of this request"),
    ]


@body_class
class NewApiKeyBody(ApiKeyBody):
    """A new API key with its secret, which cannot be read again."""

    key: Annotated[str, Field(description="send it as Authorization: Bearer; keep it secret")]


@api.get("/account/keys")
def list_account_keys() -> ResponseReturnValue:
    """Return the person's own API keys, with those that expired lately."""
    owned = tokens().list_for_owner(require_all_rights().id)
    return as_json(ApiKeysBody(tuple(ApiKeyBody(**_fields(token)) for token in owned)))


@api.post("/account/keys")
def create_account_key() -> ResponseReturnValue:
    """Make an API key of the operator."""
    require_operator()
    asked = parsed_body(NewApiKeyRequestBody)
    name, lifetime = checked_key_name(asked.name), LIFETIMES[asked.days]
    secret, token = create_own_key(name, lifetime, asked.scope)
    return as_json(NewApiKeyBody(**_fields(token), key=secret), HTTPStatus.CREATED)


@api.delete("/account/keys/<id>")
def revoke_account_key(id: str) -> ResponseReturnValue:
    """Revoke one of the person's own API keys."""
    require_all_rights()
    revoke_own_key(id)
    return no_content()


def _fields(token: "Token") -> dict[str, Any]:
    current, used = current_token(), token.last_used_at
    return {
        "id": token.id,
        "name": token.name,
        "scope": token.scope,
        "created_at": rfc3339(token.created_at),
        "expires_at": rfc3339(token.expires_at),
        "last_used_at": rfc3339(used) if used else None,
        "has_expired": token.has_expired(datetime.now(UTC)),
        "is_current": current is not None and current.id == token.id,
    }
