"""The operations on analyses of videos that cost money as OpenAPI describes them."""

from rubberduck.api.openapi.builders import JsonObject, json_body, parameter, response
from rubberduck.api.openapi.operations import IF_NONE_MATCH
from rubberduck.api.openapi.project_builders import signed_in_operation
from rubberduck.api.openapi.video_results import VIDEO_ID
from rubberduck.api.video_paid import (
    MAX_STRETCHES,
    PaidAnalysisBody,
    PaidListBody,
    PaidRequestBody,
    StretchesBody,
)
from rubberduck.billing.errors import SpendingLimitReached
from rubberduck.core import errors
from rubberduck.videos.errors import (
    AnalysisOver,
    CannotAskAmazon,
    NoSuchVideo,
    PaidAnalysisRuns,
    VideoNotReady,
)
from rubberduck.web.errors import NotAllowed

BODIES = (PaidRequestBody, PaidListBody, PaidAnalysisBody, StretchesBody)
ANALYSIS_ID = parameter(
    "analysis_id",
    "path",
    {"type": "string", "pattern": "^[A-Za-z0-9_-]{22}$"},
    "The id of the analysis.",
)
PATH = "/videos/{id}/analyses"
EXAMPLE = {"way": "rekognition-images", "rate": 1, "max_usd": 0.5}
READ_ERRORS = (NotAllowed, NoSuchVideo, errors.Unavailable)


def video_paid() -> JsonObject:
    """Return the operations by path."""
    one = {"parameters": [VIDEO_ID, ANALYSIS_ID]}
    return {
        PATH: {"parameters": [VIDEO_ID], "get": _list(), "post": _start()},
        f"{PATH}/{{analysis_id}}": {**one, "get": _get()},
        f"{PATH}/{{analysis_id}}/cancel": {**one, "post": _cancel()},
        f"{PATH}/{{analysis_id}}/retry": {**one, "post": _retry()},
        f"{PATH}/{{analysis_id}}/segments": {**one, "get": _segments()},
    }


def _list() -> JsonObject:
    return signed_in_operation(
        "list_paid_analyses",
        "List what Amazon may be asked about a video",
        "For operators: each way with its price and time, and the analyses that were started.",
        {"200": response("The ways, and the analyses.", "PaidListBody")},
        *READ_ERRORS,
    )


def _start() -> JsonObject:
    return signed_in_operation(
        "start_paid_analysis",
        "Have a video analysed for money",
        "For operators. Nothing starts that would cost more than “max_usd” or than the limits of "
        "this site. The video's answer is replaced when the new one is whole.",
        {"202": response("It is queued.", "PaidAnalysisBody", ["Location"])},
        *READ_ERRORS,
        VideoNotReady,
        PaidAnalysisRuns,
        CannotAskAmazon,
        SpendingLimitReached,
        errors.InvalidParameter,
        errors.PictureTooLarge,
        errors.TooManyJobs,
        requestBody=json_body("PaidRequestBody", EXAMPLE),
    )


def _get() -> JsonObject:
    return signed_in_operation(
        "get_paid_analysis",
        "Read how far an analysis for money is",
        "For operators.",
        {
            "200": response("The analysis.", "PaidAnalysisBody", ["ETag"]),
            "304": response("It has not changed.", headers=["ETag"]),
        },
        *READ_ERRORS,
        parameters=[IF_NONE_MATCH],
    )


def _cancel() -> JsonObject:
    return signed_in_operation(
        "cancel_paid_analysis",
        "Cancel an analysis for money",
        "For operators. A whole video goes on at Amazon, and is billed.",
        {"200": response("It is cancelled.", "PaidAnalysisBody")},
        *READ_ERRORS,
        AnalysisOver,
    )


def _retry() -> JsonObject:
    return signed_in_operation(
        "retry_paid_analysis",
        "Go on with an analysis for money",
        "For operators, of one that failed or was cancelled. It goes on after what was paid for "
        "already; the rest is billed.",
        {"202": response("It is queued.", "PaidAnalysisBody", ["Location"])},
        *READ_ERRORS,
        AnalysisOver,
        errors.TooManyJobs,
    )


def _segments() -> JsonObject:
    most = {"type": "integer", "minimum": 1, "maximum": MAX_STRETCHES, "default": MAX_STRETCHES}
    token = {"type": "string", "pattern": "^[0-9]{1,7}$"}
    return signed_in_operation(
        "list_amazon_segments",
        "List the stretches that Amazon found",
        "For operators: what Amazon Rekognition Video says by segments, with at least 50 % "
        "confidence, in the order of time. Follow “next” in “links” until it is null.",
        {
            "200": response("One page of them.", "StretchesBody", ["ETag"]),
            "304": response("It has not changed.", headers=["ETag"]),
        },
        *READ_ERRORS,
        errors.InvalidParameter,
        parameters=[
            parameter("limit", "query", most, "The maximum number in one response."),
            parameter("token", "query", token, "Where the page starts: taken from “next”."),
            IF_NONE_MATCH,
        ],
    )
