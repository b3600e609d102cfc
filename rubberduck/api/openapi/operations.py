"""What the JSON API can do, one operation after the other, as OpenAPI describes it."""

from rubberduck.api.openapi.builders import (
    JSON,
    Described,
    Errors,
    answer,
    link,
    parameter,
    picture,
    problems,
    ref,
)
from rubberduck.api.routes import DEFAULT_LIMIT, KEY, LARGEST_LIMIT
from rubberduck.core.errors import (
    BudgetSpent,
    CrossOrigin,
    DamagedPicture,
    FormExpired,
    IdempotencyKeyReused,
    InvalidParameter,
    LiveAnalysisUnavailable,
    NoPicture,
    NoSuchResult,
    NotAPicture,
    PictureTooLarge,
    RateLimited,
    TooBusy,
    TooManyPixels,
    TooNarrow,
    TooSmall,
    Unavailable,
    UnknownHost,
    UploadIncomplete,
)

UNREADABLE: Errors = (DamagedPicture, TooManyPixels, TooSmall, TooNarrow)
UNFIT: Errors = (NoPicture, UploadIncomplete, PictureTooLarge, NotAPicture, *UNREADABLE)
ID = {"type": "string", "pattern": "^[A-Za-z0-9_-]{22}$"}
THE_RESULT = {
    "name": "id",
    "in": "path",
    "required": True,
    "schema": ID,
    "description": "The id that came with the result.",
}
AGAIN = {
    "operationId": "get_result",
    "parameters": {"id": "$request.path.id", "header.If-None-Match": "$response.header.ETag"},
}
LOOK = {
    "operationId": "look",
    "summary": "Ask about a picture",
    "description": "The picture is looked at and kept, upright and without its metadata, until "
    "“expires_at”. The same bytes again from the same visitor are the same result.",
    "parameters": [
        parameter(
            "Idempotency-Key",
            "header",
            {
                "type": "string",
                "pattern": KEY,
                "examples": ["8e03978e-40d5-43dd-bc93-6894a57f9324"],
            },
            "Your own name for this request, best a UUID. Sent again with the same picture, it "
            "gets the same answer; with another picture, a 422. So a request that broke off can "
            "safely be repeated.",
        )
    ],
    "requestBody": picture("A JPEG, PNG, WebP, GIF, AVIF, HEIC, BMP or TIFF."),
    "responses": {
        "201": answer("The result.", "ResultBody", ["Location", "Set-Cookie"])
        | {"links": {each: link(each) for each in ("get_result", "forget", "judge")}},
        **problems(
            *UNFIT,
            InvalidParameter,
            IdempotencyKeyReused,
            RateLimited,
            TooBusy,
            BudgetSpent,
            Unavailable,
        ),
    },
    "x-curl": "-c jar -F picture=@picture.jpg",
}
GLANCE = {
    "operationId": "analyze_frame",
    "summary": "Ask about one moment of a camera",
    "description": "Quick, and nothing is kept. Only where the engine costs no money.",
    "requestBody": picture("One frame; a small JPEG is best."),
    "responses": {
        "200": answer("What is in the frame, and what to draw on it.", "FrameBody"),
        **problems(*UNFIT, LiveAnalysisUnavailable, RateLimited, TooBusy, Unavailable),
    },
    "x-curl": "-F picture=@frame.jpg",
}
LIST = {
    "operationId": "list_results",
    "summary": "List your results",
    "description": "The newest first. Follow “next” in “links” until it is null.",
    "parameters": [
        parameter(
            "limit",
            "query",
            {"type": "integer", "minimum": 1, "maximum": LARGEST_LIMIT, "default": DEFAULT_LIMIT},
            "How many at once.",
        ),
        parameter(
            "cursor",
            "query",
            {"type": "string", "format": "cursor"},
            "Where to go on: it comes with “next”, and is not to be made up.",
        ),
    ],
    "responses": {
        "200": answer("A part of the list; an empty one for who has no cookie.", "ListBody"),
        **problems(InvalidParameter, Unavailable),
    },
    "x-curl": "-b jar",
}
GET = {
    "operationId": "get_result",
    "summary": "Read a result",
    "description": "Yours or another's: who has the id can see it.",
    "parameters": [
        parameter(
            "min",
            "query",
            {"type": "number", "minimum": 0, "maximum": 100},
            "Judge the kept labels with another threshold, in percent. Nothing is kept of that.",
        ),
        parameter(
            "If-None-Match",
            "header",
            {
                "type": "string",
                "format": "etag",
                "examples": ['"da39a3ee5e6b4b0d3255bfef95601890afd80709"'],
            },
            "The ETag of an earlier answer.",
        ),
    ],
    "responses": {
        "200": answer("The result.", "ResultBody", ["ETag"]) | {"links": {"again": AGAIN}},
        "304": answer("It is still what you have.", headers=["ETag"]),
        **problems(InvalidParameter, NoSuchResult, Unavailable),
    },
    "x-curl": "",
}
FORGET = {
    "operationId": "forget",
    "summary": "Delete a result of yours",
    "description": "At once, with its pictures. What is another's is a 404, like what never was.",
    "responses": {
        "204": answer("It is gone."),
        **problems(NoSuchResult, RateLimited, Unavailable),
    },
    "x-curl": "-b jar -X DELETE",
}
JUDGE = {
    "operationId": "judge",
    "summary": "Say whether an answer was right",
    "description": "Of a result of yours. The last word counts.",
    "requestBody": {
        "required": True,
        "content": {JSON: {"schema": ref("schemas", "JudgementBody"), "example": {"right": True}}},
    },
    "responses": {
        "204": answer("Thank you; it is written down."),
        **problems(InvalidParameter, NoSuchResult, PictureTooLarge, RateLimited, Unavailable),
    },
    "x-curl": "-b jar -X PUT --json '{\"right\": true}'",
}
OPERATIONS: Described = {
    "/pictures": {"post": LOOK},
    "/frames": {"post": GLANCE},
    "/results": {"get": LIST},
    "/results/{id}": {"parameters": [THE_RESULT], "get": GET, "delete": FORGET},
    "/results/{id}/judgement": {"parameters": [THE_RESULT], "put": JUDGE},
}
ERRORS: Errors = (
    *UNFIT,
    UnknownHost,
    CrossOrigin,
    FormExpired,
    InvalidParameter,
    IdempotencyKeyReused,
    NoSuchResult,
    LiveAnalysisUnavailable,
    RateLimited,
    TooBusy,
    BudgetSpent,
    Unavailable,
)
