"""The operations on visitors' results as OpenAPI describes them."""

from rubberduck.api.openapi.builders import (
    UPLOAD_ERRORS,
    JsonObject,
    json_body,
    parameter,
    picture_body,
    problem_responses,
    required_parameter,
    response,
)
from rubberduck.api.routes import DEFAULT_LIMIT, DELETE_TOKEN, IDEMPOTENCY_KEY_RE, MAX_LIMIT
from rubberduck.core import errors

CHANGE_ERRORS = (errors.NoSuchResult, errors.RateLimited, errors.Unavailable)


def link(operation_id: str) -> JsonObject:
    """Return a link from a result to an operation on it."""
    return {"operationId": operation_id, "parameters": {"id": "$response.body#/id"}}


RESULT_ID = parameter(
    "id", "path", {"type": "string", "pattern": "^[A-Za-z0-9_-]{22}$"}, "The id of the result."
)
MIN = parameter(
    "min",
    "query",
    {"type": "number", "minimum": 0, "maximum": 100},
    "Re-evaluate the stored labels with this confidence threshold, in percent. The stored "
    "result does not change.",
)
IF_NONE_MATCH = parameter(
    "If-None-Match",
    "header",
    {
        "type": "string",
        "format": "etag",
        "examples": ['"da39a3ee5e6b4b0d3255bfef95601890afd80709"'],
    },
    "The ETag of an earlier response.",
)
DELETE_TOKEN_HEADER = parameter(
    DELETE_TOKEN,
    "header",
    {"type": "string"},
    "The “delete_token” of the upload's response; it replaces the cookie.",
)
CONDITIONAL_GET = {
    "operationId": "get_result",
    "parameters": {"id": "$request.path.id", "header.If-None-Match": "$response.header.ETag"},
}

PENDING = response(
    "The picture is still being processed. Repeat the request to “self”.",
    "PendingBody",
    ["Location", "Retry-After"],
)
UPLOAD_PICTURE = {
    "operationId": "look",
    "summary": "Check a picture",
    "description": "Stores the picture until “expires_at”, upright and without its metadata, and "
    "returns the result. If the same visitor sends the same bytes again, the result is the same. "
    "The picture is a form's file or, as with "
    '`curl --data-binary @photo.jpg -H "Content-Type: image/jpeg"`, the whole body.',
    "parameters": [
        parameter(
            "Idempotency-Key",
            "header",
            {
                "type": "string",
                "pattern": IDEMPOTENCY_KEY_RE,
                "examples": ["8e03978e-40d5-43dd-bc93-6894a57f9324"],
            },
            "A key of your choice for this request, preferably a UUID. The same key with the same "
            "picture returns the same response; with another picture it returns 422. This makes "
            "it safe to repeat a request after a lost connection. It belongs to the request's API "
            "key, else to its cookie. Without either, key and picture together identify the "
            "request, if the key has at least 22 characters; a shorter one is ignored.",
        )
    ],
    "requestBody": picture_body("A JPEG, PNG, WebP, GIF, AVIF, HEIC, BMP or TIFF."),
    "responses": {
        "201": response("The result.", "CreatedBody", ["Location", "Set-Cookie"])
        | {"links": {name: link(name) for name in ("get_result", "forget", "judge")}},
        "202": PENDING,
        **problem_responses(
            *UPLOAD_ERRORS,
            errors.InvalidParameter,
            errors.IdempotencyKeyReused,
            errors.PictureRefused,
            errors.BudgetSpent,
            errors.VisitorStorageFull,
            errors.SiteStorageFull,
            errors.Unavailable,
        ),
    },
}
ANALYZE_FRAME = {
    "operationId": "glance",
    "summary": "Check a camera frame",
    "description": "Fast, and stores nothing. Only available if the detector is free of charge.",
    "requestBody": picture_body("One frame, preferably a small JPEG."),
    "responses": {
        "200": response("What is in the frame, and the outlines to draw on it.", "FrameBody"),
        **problem_responses(*UPLOAD_ERRORS, errors.LiveAnalysisUnavailable, errors.Unavailable),
    },
}
LIST_RESULTS = {
    "operationId": "list_results",
    "summary": "List your results",
    "description": "Newest first. Follow “next” in “links” until it is null.",
    "parameters": [
        parameter(
            "limit",
            "query",
            {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
            "The maximum number of results in one response.",
        ),
        parameter(
            "cursor",
            "query",
            {"type": "string", "format": "cursor"},
            "Where the page starts: an opaque value, taken from the “next” link.",
        ),
        parameter("found", "query", {"type": "boolean"}, "Only results with this answer."),
    ],
    "responses": {
        "200": response(
            "One page of the list. It is empty without an API key or cookie.", "ListBody"
        ),
        **problem_responses(errors.InvalidParameter, errors.Unavailable),
    },
}
GET_RESULT = {
    "operationId": "get_result",
    "summary": "Read a result",
    "description": "Anyone who has the id can read the result.",
    "parameters": [MIN, IF_NONE_MATCH],
    "responses": {
        "200": response("The result.", "ResultBody", ["ETag"])
        | {"links": {"again": CONDITIONAL_GET}},
        "202": PENDING,
        "304": response("The result has not changed.", headers=["ETag"]),
        **problem_responses(errors.InvalidParameter, errors.NoSuchResult, errors.Unavailable),
    },
}
DELETE_RESULT = {
    "operationId": "forget",
    "summary": "Delete one of your results",
    "description": "Deletes the result and its pictures. Other visitors' results return 404.",
    "parameters": [DELETE_TOKEN_HEADER],
    "responses": {"204": response("The result is deleted."), **problem_responses(*CHANGE_ERRORS)},
}
DELETE_RESULTS = {
    "operationId": "delete_results",
    "summary": "Delete all your results",
    "description": "Deletes all results of the visitor, with their pictures, and all videos, and "
    "cancels uploads that are still being processed. There is no undo.",
    "parameters": [
        required_parameter(
            "confirm",
            "query",
            {"type": "string", "enum": ["results", "everything"]},
            "“results”: results and videos; “everything”: the visitor's API keys, too.",
        )
    ],
    "responses": {
        "200": response("The number of deleted results, videos not counted.", "DeletedBody"),
        **problem_responses(errors.InvalidParameter, errors.RateLimited, errors.Unavailable),
    },
}
JUDGE_RESULT = {
    "operationId": "judge",
    "summary": "Say whether an answer was right",
    "description": "Only for your own results; other visitors' results return 404. A later "
    "judgement replaces an earlier one.",
    "requestBody": json_body("JudgementBody", {"right": True}),
    "responses": {
        "204": response("The judgement is stored."),
        **problem_responses(*CHANGE_ERRORS, errors.InvalidParameter, errors.PictureTooLarge),
    },
}
REVOKE_KEY = {
    "operationId": "revoke_key",
    "summary": "Revoke your API key",
    "description": "Revokes the key that the request is sent with, at once and for good. The "
    "results stay. 401 without a key.",
    "security": [{"api_key": []}],
    "responses": {"204": response("The key is revoked."), **problem_responses(*CHANGE_ERRORS)},
}

OPERATIONS: JsonObject = {
    "/pictures": {"post": UPLOAD_PICTURE},
    "/pictures/{id}": {
        "parameters": [RESULT_ID],
        "get": GET_RESULT
        | {"operationId": "get_picture", "summary": "Get a result by its picture's address"},
    },
    "/frames": {"post": ANALYZE_FRAME},
    "/results": {"get": LIST_RESULTS, "delete": DELETE_RESULTS},
    "/results/{id}": {"parameters": [RESULT_ID], "get": GET_RESULT, "delete": DELETE_RESULT},
    "/results/{id}/judgement": {"parameters": [RESULT_ID], "put": JUDGE_RESULT},
    "/keys/current": {"delete": REVOKE_KEY},
}
