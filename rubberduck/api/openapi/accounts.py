"""The operations on sign-ins and the audit list as OpenAPI describes them."""

from rubberduck.accounts.errors import NoSuchOperator, OwnAccess
from rubberduck.api.account_keys import ApiKeysBody, NewApiKeyBody, NewApiKeyRequestBody
from rubberduck.api.accounts import DEFAULT_ENTRIES, AccountBody, AuditListBody, SignInSessionsBody
from rubberduck.api.openapi.builders import (
    JsonObject,
    json_body,
    page_size,
    parameter,
    response,
)
from rubberduck.api.openapi.project_builders import signed_in_operation
from rubberduck.api.people import PeopleBody
from rubberduck.api.routes import MAX_LIMIT
from rubberduck.core import errors
from rubberduck.web.errors import NotAllowed

BODIES = (
    AccountBody,
    AuditListBody,
    SignInSessionsBody,
    PeopleBody,
    ApiKeysBody,
    NewApiKeyBody,
    NewApiKeyRequestBody,
)
BEFORE = parameter(
    "before",
    "query",
    {"type": "integer", "minimum": 0, "maximum": 999_999_999},
    "Only entries older than the one with this id.",
)
SESSION_ID = parameter(
    "id",
    "path",
    {"type": "string", "format": "sign-in-id", "maxLength": 24},
    "The id of the session.",
)
PERSON_ID = parameter(
    "id",
    "path",
    {"type": "string", "format": "person-id", "maxLength": 24},
    "The id of the person.",
)
KEY_ID = parameter(
    "id",
    "path",
    {"type": "string", "format": "api-key-id", "maxLength": 24},
    "The id of the key, from the list.",
)
PERSON_ERRORS = (NotAllowed, NoSuchOperator, OwnAccess)


def accounts() -> JsonObject:
    """Return the operations by path."""
    operations = _people() | _keys()
    return operations | {
        "/audit": {
            "get": signed_in_operation(
                "list_audit",
                "Read the audit list",
                "For operators: what operators and labellers did, newest first. Follow “next” in "
                "“links” until it is null.",
                {"200": response("One page of the list.", "AuditListBody")},
                NotAllowed,
                errors.InvalidParameter,
                parameters=[page_size(DEFAULT_ENTRIES, MAX_LIMIT), BEFORE],
            )
        },
        "/sessions": {
            "get": signed_in_operation(
                "list_sessions",
                "List your sign-ins",
                "The browsers in which you are signed in. A labeller's key may not read this.",
                {"200": response("Your sessions, newest first.", "SignInSessionsBody")},
                NotAllowed,
            )
        },
        "/sessions/{id}": {
            "parameters": [SESSION_ID],
            "delete": signed_in_operation(
                "end_session",
                "End one of your sign-ins",
                "For example of a lost phone. A labeller's key may not do this.",
                {"204": response("The session has ended.")},
                *(NotAllowed, errors.NoSuchResult),
            ),
        },
    }


def _people() -> JsonObject:
    return {
        "/people": {
            "get": signed_in_operation(
                "list_people",
                "List the people who may sign in",
                "For operators: everybody who signed in or was added, with what is open to them.",
                {"200": response("Everybody, by name.", "PeopleBody")},
                NotAllowed,
            )
        },
        "/people/{id}/access": {
            "parameters": [PERSON_ID],
            "delete": signed_in_operation(
                "remove_person",
                "Remove a person's access",
                "For operators. Ends all sessions and API keys of the person at once, and refuses "
                "new ones. Nobody removes their own access.",
                {"204": response("The person is signed out everywhere.")},
                *PERSON_ERRORS,
            ),
            "put": signed_in_operation(
                "let_person_in",
                "Let a removed person in again",
                "For operators. The person may sign in again; the keys do not come back.",
                {"204": response("The person may sign in.")},
                *PERSON_ERRORS,
            ),
        },
    }


def _keys() -> JsonObject:
    new = {"name": "nightly import", "scope": "labeller", "days": 30}
    return {
        "/account": {
            "get": signed_in_operation(
                "get_account",
                "Read who you are",
                "Whose key the request has, and what it may do at most.",
                {"200": response("The person.", "AccountBody")},
            )
        },
        "/account/keys": {
            "get": signed_in_operation(
                "list_account_keys",
                "List your API keys",
                "With those that expired lately; never with their secrets. A labeller's key may "
                "not read this.",
                {"200": response("Your keys, newest first.", "ApiKeysBody")},
                NotAllowed,
            ),
            "post": signed_in_operation(
                "create_account_key",
                "Make an API key",
                "For operators. The key may do what an operator may, or what a labeller may, and "
                "is in the response only. One that is made with another key ends with that key at "
                "the latest: see “expires_at”. To make one that lasts longer, sign in.",
                {"201": response("The new key.", "NewApiKeyBody")},
                *(NotAllowed, errors.InvalidParameter, errors.TooManyTokens),
                errors.PictureTooLarge,
                requestBody=json_body("NewApiKeyRequestBody", new),
            ),
        },
        "/account/keys/{id}": {
            "parameters": [KEY_ID],
            "delete": signed_in_operation(
                "revoke_account_key",
                "Revoke one of your API keys",
                "Programs with it are refused from now on. Keys that were made with it stay. A "
                "labeller's key may not do this.",
                {"204": response("The key is revoked.")},
                *(NotAllowed, errors.NoSuchResult),
            ),
        },
    }
