"""The operation on what is stored as OpenAPI describes it."""

from rubberduck.api.openapi.builders import JsonObject, operation, problem_responses, response
from rubberduck.api.storage import StorageBody
from rubberduck.core import errors

BODIES = (StorageBody,)


def storage() -> JsonObject:
    """Return the operations by path."""
    get = operation(
        "get_storage",
        "Read how much you store",
        "Your pictures and videos, and how much this site keeps for you. With an operator's key "
        "also what all of the site stores.",
        {
            "200": response("Zeros without an API key or cookie.", "StorageBody"),
            **problem_responses(errors.Unavailable),
        },
    )
    return {"/storage": {"get": get}}
