"""The OpenAPI document of the JSON API: for client generators, and for the page /api."""

import json
import operator
import re
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cache, reduce
from importlib import import_module
from typing import Any

from flask import Response, make_response, request, url_for
from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from rubberduck.api.corrections import CorrectionBody, CorrectionRequestBody
from rubberduck.api.openapi.builders import JsonObject, parameter
from rubberduck.api.openapi.corrections import corrections
from rubberduck.api.openapi.operations import OPERATIONS
from rubberduck.api.openapi.samples import code_samples
from rubberduck.api.schemas import (
    CreatedBody,
    DeletedBody,
    FrameBody,
    JudgementBody,
    ListBody,
    PendingBody,
    ResultBody,
    result_body,
)
from rubberduck.core import errors
from rubberduck.core.errors import DuckError
from rubberduck.core.models import Answer, Box, Label, Result
from rubberduck.core.rules import Question, judge
from rubberduck.web.deps import answering_models, default_pipeline, pipeline
from rubberduck.web.problem_details import PROBLEMS, ProblemBody, problem_body
from rubberduck.web.responses import with_etag

INTRODUCTION = """\
Send a picture of at most {megabytes} MB and get a yes or no, the confidence, and the labels \
behind the answer. Visitors need no account: an API key or a session cookie identifies the owner \
of a result. Operations on projects and models take an API key of the scope labeller or operator: \
a labeller's reads and labels, an operator's does all.

HEAD works wherever GET does. The `Allow` header of an OPTIONS or 405 response lists \
the methods of a path. Unknown parameters are ignored. Times are RFC 3339 in UTC, confidences are \
percentages, and new fields may be added. Other websites can neither read the responses (CORS is \
not enabled) nor change anything (403)."""
SESSION = {
    "type": "apiKey",
    "in": "cookie",
    "name": "session",
    "description": """\
The first response to `POST /pictures` sets this cookie, a signed random number. Send it with \
later requests to list, judge and delete your own results. There is no login: without the cookie \
the list is empty, and other visitors' results cannot be judged or deleted (404). Over HTTPS the \
cookie is named `__Host-session`.""",
}
API_KEY = {
    "type": "http",
    "scheme": "bearer",
    "description": """\
An API key, made on “My pictures” and sent as `Authorization: Bearer duck_…`. The request acts as \
the visitor who made the key: it lists, judges and deletes that visitor's results. Its cookie is \
ignored and none is set. A key that is malformed, unknown, revoked or expired is a 401.""",
}
OPERATOR = {
    "type": "http",
    "scheme": "bearer",
    "description": """\
An API key of the scope labeller or operator, made by somebody who has signed in. The pages of \
the site send the cookie of the session instead.""",
}
WHOLE_NUMBER: JsonObject = {"type": "integer", "minimum": 0}
HEADERS: dict[str, tuple[str, JsonObject]] = {
    "Location": ("the URL of the new result", {"type": "string", "format": "uri-reference"}),
    "ETag": ("send it as If-None-Match to get a 304 if nothing has changed", {"type": "string"}),
    "Retry-After": ("seconds to wait before the next try", {"type": "integer", "minimum": 1}),
    "WWW-Authenticate": ("the scheme to use: Bearer", {"type": "string"}),
    "Set-Cookie": ("the session cookie", {"type": "string"}),
    "Upload-Offset": ("the offset of the next byte to send", WHOLE_NUMBER),
    "Upload-Length": ("the size of the whole file", WHOLE_NUMBER),
    "Upload-Expires": ("when the upload is deleted if it is no video", {"type": "string"}),
    "X-Request-ID": ("the id of this request in our log", {"type": "string"}),
}
# Imported for the document only: they are of parts that are not loaded before their first use.
WING_ERRORS = (
    "rubberduck.accounts.errors",
    "rubberduck.aws.celebrities_errors",
    "rubberduck.aws.collections_errors",
    "rubberduck.aws.custom_labels_errors",
    "rubberduck.custom_models.errors",
    "rubberduck.custom_models.version_errors",
    "rubberduck.faces.errors",
    "rubberduck.named_objects.errors",
    "rubberduck.videos.errors",
    "rubberduck.videos.upload_errors",
    "rubberduck.web.errors",
)
# Operations to which a question can be given, and what it does there.
ASKING = {
    "look": "The question about the picture; default: the first one.",
    "glance": "The question about the frame; default: the first one.",
    "list_results": "Only results of this question.",
    "create_video": "The question about the video; default: the first one.",
    "get_statistics": "The question that was answered; default: the first one.",
}
ASKING_MODELS = {
    "look": "The project whose model answers, in place of a question.",
    "glance": "The project whose model answers, in place of a question.",
    "create_video": "The project whose model answers, in place of a question.",
    "get_statistics": "The project whose model answered, in place of a question.",
}
MIN_CONFIDENCE = parameter(
    "min_confidence",
    "query",
    {"type": "number", "minimum": 0, "maximum": 100},
    "With `model`: the least confidence of a label, in percent, in place of its own threshold.",
)
SAMPLE_REQUEST_ID = "4f1d8a0c5b7e2963"
SAMPLE_CONFIDENCE = 95.5
SAMPLE_BOX = (0.31, 0.22, 0.36, 0.41)  # left, top, width, height

# Of requests and responses; the types inside them follow.
BODIES: tuple[Any, ...] = (
    ResultBody,
    CreatedBody,
    PendingBody,
    ListBody,
    FrameBody,
    ProblemBody,
    JudgementBody,
    DeletedBody,
    CorrectionRequestBody,
    CorrectionBody,
)


def description() -> Response:
    """Return the document as JSON, with an ETag."""
    response = make_response(json.dumps(document(), ensure_ascii=False, indent=1))
    response.mimetype = "application/json"
    return with_etag(response)


def document() -> JsonObject:
    """Return the OpenAPI document of this site: its question and limits are in the texts."""
    question, megabytes = pipeline().question, f"{pipeline().max_bytes / 1e6:g}"
    base = f"{url_for('about.api')}/v1"
    result = _schemas()["ResultBody"] | {"examples": [asdict(result_body(_sample(question)))]}
    return {
        "openapi": "3.1.1",
        "info": {
            "title": f"{question.title} The JSON API",
            "version": "1",
            "description": INTRODUCTION.format(megabytes=megabytes),
        },
        "servers": [{"url": base}],
        "security": [{"api_key": []}, {"session": []}, {}],
        "paths": _paths(f"{request.host_url.rstrip('/')}{base}", _drawn_label(question)),
        "components": {
            "schemas": _schemas() | {"ResultBody": result},
            "headers": {
                name: {"description": text, "required": True, "schema": schema}
                for name, (text, schema) in HEADERS.items()
            },
            "examples": _problem_examples(),
            "securitySchemes": {"api_key": API_KEY, "session": SESSION, "operator": OPERATOR},
        },
    }


def _drawn_label(question: Question) -> str:
    """Return the label of a box that a visitor draws."""
    return question.drawn_as or question.thing or next(iter(question.boxes.labels), "Object")


def _paths(base: str, label: str) -> JsonObject:
    """Return the operations by path and method, with code samples for the API at `base`."""
    # Imported late: it needs the errors of custom_models.
    from rubberduck.api.openapi.wings import wings

    operations = OPERATIONS | corrections(label) | wings()
    return {
        path: {
            method: operation
            if method == "parameters"
            else operation
            | {"x-codeSamples": code_samples(method, base + _with_capitals(path), operation)}
            | _with_question(operation)
            for method, operation in item.items()
        }
        for path, item in operations.items()
    }


def _with_capitals(path: str) -> str:
    """Return the path of a sample.

    >>> _with_capitals("/results/{id}")
    '/results/ID'
    """
    return re.sub(r"{(\w+)}", lambda place: place[1].upper(), path)


def _with_question(operation: JsonObject) -> JsonObject:
    """Return the operation's parameters with `question` and `model`, if there is a choice."""
    offered = {
        "question": (list(default_pipeline().offers), ASKING, 2),
        "model": ([each.project_id for each in answering_models().list()], ASKING_MODELS, 1),
    }
    more = [
        parameter(name, "query", {"type": "string", "enum": keys}, described)
        for name, (keys, texts, least) in offered.items()
        if (described := texts.get(operation["operationId"])) and len(keys) >= least
    ]
    if offered["model"][0] and operation["operationId"] == "look":
        more.append(MIN_CONFIDENCE)
    return {"parameters": [*operation.get("parameters", []), *more]} if more else {}


class _SchemaGenerator(GenerateJsonSchema):
    """Omit titles that only repeat the field's name; fields of bodies are always there."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def field_is_required(self, field: Any, total: bool) -> bool:
        # Our bodies are dataclasses, which are sent whole; Amazon's formats leave fields out.
        is_ours = field["type"] == "dataclass-field"
        return is_ours or super().field_is_required(field, total)


@cache
def _schemas() -> JsonObject:
    """Return the schema of each body, and of each type inside them, by name."""
    from rubberduck.api.openapi.wings import BODIES as WING_BODIES

    bodies: TypeAdapter[Any] = TypeAdapter(reduce(operator.or_, (*BODIES, *WING_BODIES)))
    schemas: JsonObject = bodies.json_schema(
        ref_template="#/components/schemas/{model}",
        schema_generator=_SchemaGenerator,
        mode="serialization",
    )["$defs"]
    for schema in schemas.values():
        schema["description"] = schema["description"].partition("\n")[0]  # the rest is internal
    return schemas


def _subclasses(kind: type[DuckError]) -> Iterator[type[DuckError]]:
    for subclass in kind.__subclasses__():
        yield subclass
        yield from _subclasses(subclass)


def _problem_examples() -> JsonObject:
    """Return an example of each error that a client can get, without its reason, by name."""
    for module in WING_ERRORS:
        import_module(module)
    # To clients, a subclass without a slug of its own is the same error.
    problems = {
        error.slug: error.to_problem("")
        for error in _subclasses(DuckError)
        if "slug" in vars(error) and error not in (errors.InvalidModel, errors.InvalidQuestion)
    }
    for problem in PROBLEMS.values():
        problems.setdefault(problem.slug, problem)
    path = f"{url_for('about.api')}/v1/results"
    return {
        name: {
            "summary": problem.title,
            "value": asdict(problem_body(problem, path, SAMPLE_REQUEST_ID)),
        }
        for name, problem in sorted(problems.items())  # whatever was imported first
    }


def _sample(question: Question) -> Result:
    """Return a result whose answer is yes, with the first labels that the question accepts."""
    names = [name for group in question.groups for name in group.all_of or group.any_of[:1]]
    labels = tuple(
        Label(name, SAMPLE_CONFIDENCE, (Box(*SAMPLE_BOX, name, SAMPLE_CONFIDENCE),))
        for name in names
    )
    return Result(
        id="Zr8W1mHqTz2v5mJYx0cK3A",
        created_at=datetime(2026, 5, 4, 9, 30, tzinfo=UTC),
        question=question.title,
        said=question.yes,
        min_confidence=question.min_confidence,
        width=1600,
        height=1200,
        several_frames=False,
        picture_key="",
        marked_key="marked",
        answer=Answer(labels, judge(question, labels), engine="Amazon Rekognition"),
    )
