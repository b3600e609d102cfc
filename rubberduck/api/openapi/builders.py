"""The functions that build OpenAPI's description of operations."""

from collections.abc import Sequence
from typing import Any

from rubberduck.core import errors
from rubberduck.web.multipart import PICTURE_FIELD
from rubberduck.web.problem_details import PROBLEM

JsonObject = dict[str, Any]
ErrorType = type[errors.DuckError]

JSON = "application/json"
# What every request with a key can meet, and every upload.
KEY_ERRORS: tuple[ErrorType, ...] = (errors.InvalidToken, errors.RateLimited)
UPLOAD_ERRORS: tuple[ErrorType, ...] = (
    errors.NoPicture,
    errors.UploadIncomplete,
    errors.PictureTooLarge,
    errors.NotAPicture,
    errors.RawFile,
    errors.DamagedPicture,
    errors.TooCostly,
    errors.TooManyPixels,
    errors.TooSmall,
    errors.TooNarrow,
    errors.RateLimited,
    errors.TooBusy,
)


def ref(kind: str, name: str) -> JsonObject:
    """Return a reference to a component; `kind` is schemas, headers or examples."""
    return {"$ref": f"#/components/{kind}/{name}"}


def response(
    description: str, body: str | None = None, headers: Sequence[str] = (), media_type: str = JSON
) -> JsonObject:
    """Return a response object; `body` names its schema. Every response has an X-Request-ID."""
    names = (*headers, "X-Request-ID")
    content = {"content": {media_type: {"schema": ref("schemas", body)}}} if body else {}
    references = {name: ref("headers", name) for name in names}
    return {"description": description, "headers": references, **content}


def problem_response(error_types: Sequence[ErrorType]) -> JsonObject:
    """Return the response of one status, with an example of each error that has it."""
    titles = dict.fromkeys(error.title for error in error_types)
    headers = ["Retry-After"] if any(error.retry_after for error in error_types) else []
    if errors.InvalidToken in error_types:
        headers.append("WWW-Authenticate")
    problem = response("; or: ".join(titles), "ProblemBody", headers, PROBLEM)
    names = [error.slug for error in error_types]
    problem["content"][PROBLEM]["examples"] = {name: ref("examples", name) for name in names}
    return problem


def problem_responses(*error_types: ErrorType) -> JsonObject:
    """Return the responses to these errors and KEY_ERRORS by status, the lowest first."""
    by_status: dict[int, list[ErrorType]] = {}
    for error in dict.fromkeys((*error_types, *KEY_ERRORS)):
        by_status.setdefault(error.status, []).append(error)
    return {str(status): problem_response(by_status[status]) for status in sorted(by_status)}


def parameter(name: str, location: str, schema: JsonObject, description: str) -> JsonObject:
    """Return an optional parameter; `location` is path (those are required), query or header."""
    given = {"name": name, "in": location, "schema": schema, "description": description}
    return given | {"required": True} if location == "path" else given


def required_parameter(
    name: str, location: str, schema: JsonObject, description: str
) -> JsonObject:
    return parameter(name, location, schema, description) | {"required": True}


def page_size(default: int, most: int) -> JsonObject:
    """Return the parameter `limit` of a list in pages."""
    schema = {"type": "integer", "minimum": 1, "maximum": most, "default": default}
    return parameter("limit", "query", schema, "The maximum number of entries in one response.")


def picture_body(description: str) -> JsonObject:
    """Return the request body of an upload: multipart/form-data with one file, or the file."""
    file = {"type": "string", "format": "binary", "description": description}
    form = {"type": "object", "properties": {PICTURE_FIELD: file}, "required": [PICTURE_FIELD]}
    encoding = {PICTURE_FIELD: {"contentType": "image/*"}}
    return {
        "required": True,
        "content": {
            "multipart/form-data": {"schema": form, "encoding": encoding},
            "image/*": {"schema": file},
        },
    }


def json_body(schema: str, example: JsonObject) -> JsonObject:
    """Return the request body of an operation that takes JSON; `schema` names its schema."""
    content = {JSON: {"schema": ref("schemas", schema), "example": example}}
    return {"required": True, "content": content}


def operation(
    id: str, summary: str, description: str, responses: JsonObject, **fields: Any
) -> JsonObject:
    """Return an operation; `fields` are OpenAPI's own, such as security and requestBody."""
    named = {"operationId": id, "summary": summary, "description": description}
    return named | fields | {"responses": responses}
