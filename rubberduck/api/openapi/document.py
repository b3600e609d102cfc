"""The JSON API's description, an OpenAPI document: to build clients from, and to read."""

import json
from dataclasses import asdict
from functools import cache
from typing import Any

from flask import Blueprint, Response, make_response, url_for
from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode

from rubberduck.api.openapi.builders import Described
from rubberduck.api.openapi.example import A_REQUEST, example
from rubberduck.api.openapi.operations import ERRORS, OPERATIONS
from rubberduck.api.routes import JudgementBody, ListBody
from rubberduck.api.schemas import FrameBody, ResultBody, result_body
from rubberduck.core.errors import Problem
from rubberduck.web.deps import pipeline
from rubberduck.web.problem_details import PROBLEMS, ProblemBody, problem_body
from rubberduck.web.responses import with_etag

openapi = Blueprint("openapi", __name__)
BODIES: dict[type, JsonSchemaMode] = {
    ResultBody: "serialization",
    ListBody: "serialization",
    FrameBody: "serialization",
    ProblemBody: "serialization",
    JudgementBody: "validation",
}
ABOUT = """\
Send a picture of at most {megabytes} MB, get a plain yes or no, how sure we are, and why. There \
are no accounts and no keys: a cookie says whose results are whose. HEAD works wherever GET does. \
`Allow` tells what an address takes, in the answer to OPTIONS and in a 405. Parameters that we do \
not know are ignored. Times are RFC 3339 in UTC, confidences are percent, and new fields may come. \
Pages of other sites can neither read the answers (there is no CORS) nor change anything (403)."""
SESSION = {
    "type": "apiKey",
    "in": "cookie",
    "name": "session",
    "description": """\
The first answer to `POST /pictures` sets this cookie: a random number, signed. Send it again, \
and the results that you asked for are yours: to list, to judge, to delete. Nothing here asks \
who you are: without the cookie the list is empty, and what is not yours is a 404. Over HTTPS \
its name is `__Host-session`.""",
}
HEADERS: dict[str, tuple[str, Described]] = {
    "Location": ("the address of the new result", {"type": "string", "format": "uri-reference"}),
    "ETag": ("send it as If-None-Match, and what has not changed is a 304", {"type": "string"}),
    "Retry-After": ("come back after so many seconds", {"type": "integer", "minimum": 1}),
    "Set-Cookie": ("who you are, the next time", {"type": "string"}),
    "X-Request-ID": ("how our log calls this request", {"type": "string"}),
}


@openapi.get("/api/openapi.json")
def description() -> Response:
    """The document, for programs."""
    response = make_response(json.dumps(document(), ensure_ascii=False, indent=1))
    response.mimetype = "application/json"
    return with_etag(response)


def document() -> Described:
    question, megabytes = pipeline().question, f"{pipeline().max_bytes / 1e6:g}"
    shown = asdict(result_body(example(question)))
    result = _schemas()["ResultBody"] | {"examples": [shown]}
    return {
        "openapi": "3.1.1",
        "info": {
            "title": f"{question.title} The JSON API",
            "version": "1",
            "description": ABOUT.format(megabytes=megabytes),
        },
        "servers": [{"url": f"{url_for('about.api')}/v1"}],
        "security": [{"session": []}, {}],
        "paths": OPERATIONS,
        "components": {
            "schemas": _schemas() | {"ResultBody": result},
            "headers": {name: _header(*about) for name, about in HEADERS.items()},
            "examples": {each.slug: _example(each) for each in _problems()},
            "securitySchemes": {"session": SESSION},
        },
    }


class Plain(GenerateJsonSchema):
    """Without titles that only repeat the names; what we send is always all there."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def field_is_required(self, field: Any, total: bool) -> bool:
        return True


@cache
def _schemas() -> Described:
    inputs: list[tuple[type, JsonSchemaMode, TypeAdapter[Any]]] = [
        (body, mode, TypeAdapter(body)) for body, mode in BODIES.items()
    ]
    _, generated = TypeAdapter.json_schemas(
        inputs, ref_template="#/components/schemas/{model}", schema_generator=Plain
    )
    schemas: Described = generated["$defs"]
    for schema in schemas.values():
        schema["description"] = schema["description"].partition("\n")[0]  # the rest is for us
    return schemas


def _header(meaning: str, schema: Described) -> Described:
    return {"description": meaning, "required": True, "schema": schema}


def _problems() -> list[Problem]:
    """What can go wrong, without the reason of the day."""
    ours = [error.to_problem("") for error in ERRORS]
    known = {each.slug for each in ours}
    return [*ours, *(each for each in PROBLEMS.values() if each.slug not in known)]


def _example(each: Problem) -> Described:
    body = problem_body(each, f"{url_for('about.api')}/v1/results", A_REQUEST)
    return {"summary": each.title, "value": asdict(body)}
