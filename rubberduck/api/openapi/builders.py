"""How OpenAPI says it: parameters, bodies, answers, problems, links."""

from collections.abc import Iterable
from typing import Any

from rubberduck.core.errors import DuckError
from rubberduck.web.problem_details import PROBLEM
from rubberduck.web.uploads import FIELD

Described = dict[str, Any]
Errors = tuple[type[DuckError], ...]
JSON = "application/json"


def ref(kind: str, name: str) -> Described:
    return {"$ref": f"#/components/{kind}/{name}"}


def answer(
    meaning: str, body: str | None = None, headers: Iterable[str] = (), kind: str = JSON
) -> Described:
    described: Described = {"description": meaning}
    described["headers"] = {name: ref("headers", name) for name in (*headers, "X-Request-ID")}
    if body:
        described["content"] = {kind: {"schema": ref("schemas", body)}}
    return described


def problem(meaning: str, *headers: str) -> Described:
    return answer(meaning, "ProblemBody", headers, PROBLEM)


def problems(*errors: type[DuckError]) -> Described:
    """The answers to what can go wrong, by status."""
    described: dict[int, list[type[DuckError]]] = {}
    for error in errors:
        described.setdefault(error.status, []).append(error)
    return {str(status): _either(described[status]) for status in sorted(described)}


def _either(errors: list[type[DuckError]]) -> Described:
    happened = dict.fromkeys(error.title for error in errors)
    waits = any(error.retry_after for error in errors)
    described = problem("; or: ".join(happened), *(["Retry-After"] if waits else []))
    examples = {error.slug: ref("examples", error.slug) for error in errors}
    described["content"][PROBLEM]["examples"] = examples
    return described


def parameter(name: str, place: str, schema: Described, meaning: str) -> Described:
    return {"name": name, "in": place, "schema": schema, "description": meaning}


def picture(meaning: str) -> Described:
    """The body with a picture, as a browser's form sends it."""
    file = {"type": "string", "format": "binary", "description": meaning}
    form = {"type": "object", "properties": {FIELD: file}, "required": [FIELD]}
    encoding = {FIELD: {"contentType": "image/*"}}
    return {
        "required": True,
        "content": {"multipart/form-data": {"schema": form, "encoding": encoding}},
    }


def link(operation: str) -> Described:
    return {"operationId": operation, "parameters": {"id": "$response.body#/id"}}
