"""The operations on videos that were sent as OpenAPI describes them."""

from rubberduck.api.openapi.builders import (
    ErrorType,
    JsonObject,
    operation,
    page_size,
    parameter,
    problem_responses,
    response,
)
from rubberduck.api.openapi.operations import DELETE_TOKEN_HEADER, IF_NONE_MATCH, MIN
from rubberduck.api.routes import DEFAULT_LIMIT, MAX_LIMIT
from rubberduck.api.video_results import (
    AGGREGATES,
    DEFAULT_LABELS,
    DEFAULT_TRACKS,
    MAX_LABELS,
    MAX_TRACKS,
)
from rubberduck.api.video_schemas import FORMATS, LabelsBody, TracksBody, VideoBody, VideoListBody
from rubberduck.core import errors
from rubberduck.videos.errors import AnalysisOver, NoSuchVideo, VideoNotReady

BODIES = (VideoBody, VideoListBody, LabelsBody, TracksBody)
TEXT: JsonObject = {"schema": {"type": "string"}}
VIDEO_ID = parameter(
    "id", "path", {"type": "string", "format": "video-id", "maxLength": 24}, "The id of the video."
)
FORMAT = parameter(
    "format", "path", {"type": "string", "enum": list(FORMATS)}, "The format of the file."
)
LABEL = parameter("label", "query", {"type": "string", "maxLength": 255}, "Only this label.")
READ_ERRORS: tuple[ErrorType, ...] = (
    NoSuchVideo,
    VideoNotReady,
    errors.InvalidParameter,
    errors.RateLimited,
    errors.Unavailable,
)
CHANGE_ERRORS: tuple[ErrorType, ...] = (NoSuchVideo, errors.RateLimited, errors.Unavailable)


def videos() -> JsonObject:
    """Return the operations by path."""
    return {
        "/videos": {"get": _list()},
        "/videos/{id}": {"parameters": [VIDEO_ID], "get": _get(), "delete": _delete()},
        "/videos/{id}.{format}": {"parameters": [VIDEO_ID], "get": _export()},
        "/videos/{id}/labels": {"parameters": [VIDEO_ID], "get": _labels()},
        "/videos/{id}/tracks": {"parameters": [VIDEO_ID], "get": _tracks()},
        "/videos/{id}/cancel": {"parameters": [VIDEO_ID], "post": _cancel()},
    }


def _list() -> JsonObject:
    cursor = {"type": "string", "format": "video-cursor"}
    return operation(
        "list_videos",
        "List your videos",
        "Newest first. Follow “next” in “links” until it is null.",
        {
            "200": response(
                "One page of the list. It is empty without an API key or cookie.", "VideoListBody"
            ),
            **problem_responses(errors.InvalidParameter, errors.Unavailable),
        },
        parameters=[
            page_size(DEFAULT_LIMIT, MAX_LIMIT),
            parameter("cursor", "query", cursor, "Opaque; taken from the “next” link."),
        ],
    )


def _get() -> JsonObject:
    found = response("The video and its answer.", "VideoBody", ["ETag"])
    found["content"] |= {"text/csv": TEXT, "text/vtt": TEXT}
    running = response(
        "It is analysed. Repeat the request.", "VideoBody", ["Location", "Retry-After"]
    )
    return operation(
        "get_video",
        "Read a video's answer",
        "Anyone who has the id can read it. With the Accept header text/csv or text/vtt the "
        "response is that file.",
        {
            "200": found,
            "202": running,
            "304": response("It has not changed.", headers=["ETag"]),
            **problem_responses(*READ_ERRORS),
        },
        parameters=[IF_NONE_MATCH],
    )


def _export() -> JsonObject:
    found = response("The file.", headers=["ETag"])
    found["content"] = {
        "application/json": {"schema": {"type": "object"}},
        "text/csv": TEXT,
        "text/vtt": TEXT,
    }
    return operation(
        "export_video",
        "Download what was seen",
        "json: all of it. csv: a row for each stretch of time in which an object or a label is "
        "seen. vtt: WebVTT chapters of the objects. coco: the frames, and the boxes of the objects "
        "in them.",
        {
            "200": found,
            "304": response("It has not changed.", headers=["ETag"]),
            **problem_responses(*READ_ERRORS),
        },
        parameters=[FORMAT, MIN, LABEL, IF_NONE_MATCH],
    )


def _labels() -> JsonObject:
    aggregate = {"type": "string", "enum": list(AGGREGATES), "default": AGGREGATES[0]}
    least = {"type": "number", "minimum": 0, "maximum": 100, "default": 0}
    return operation(
        "list_video_labels",
        "List what was seen",
        "In the order of time. timestamps: every label of every analysed frame. segments: the "
        "stretches of time in which a label is seen, as by Amazon Rekognition Video. Follow “next” "
        "in “links” until it is null: each entry comes once.",
        {
            "200": response("One page of the labels.", "LabelsBody", ["ETag"]),
            "304": response("It has not changed.", headers=["ETag"]),
            **problem_responses(*READ_ERRORS),
        },
        parameters=[
            parameter("aggregate", "query", aggregate, "What an entry is."),
            page_size(DEFAULT_LABELS, MAX_LABELS),
            _token("labels-token"),
            LABEL,
            parameter("min", "query", least, "Only labels with so much confidence, in percent."),
            IF_NONE_MATCH,
        ],
    )


def _tracks() -> JsonObject:
    flag = {"type": "boolean", "default": False}
    return operation(
        "list_video_tracks",
        "List the objects",
        "Each object is followed through the video. What leaves the picture for more than two "
        "seconds counts anew. With “min” or “label” the answer is given again, and not stored.",
        {
            "200": response("The answer, and one page of the objects.", "TracksBody", ["ETag"]),
            "304": response("It has not changed.", headers=["ETag"]),
            **problem_responses(*READ_ERRORS),
        },
        parameters=[
            parameter("sightings", "query", flag, "Also where each is in each analysed frame."),
            page_size(DEFAULT_TRACKS, MAX_TRACKS),
            _token("tracks-token"),
            MIN,
            LABEL,
            IF_NONE_MATCH,
        ],
    )


def _cancel() -> JsonObject:
    return operation(
        "cancel_video",
        "Cancel an analysis",
        "Only of your own videos; other visitors' videos return 404.",
        {
            "200": response("It is cancelled.", "VideoBody"),
            **problem_responses(*CHANGE_ERRORS, AnalysisOver),
        },
    )


def _delete() -> JsonObject:
    return operation(
        "delete_video",
        "Delete one of your videos",
        "Deletes the video and all that was seen in it, and cancels its analysis. Other visitors' "
        "videos return 404.",
        {"204": response("The video is deleted."), **problem_responses(*CHANGE_ERRORS)},
        parameters=[DELETE_TOKEN_HEADER],
    )


def _token(format: str) -> JsonObject:
    schema = {"type": "string", "format": format}
    return parameter("token", "query", schema, "Where the page starts: taken from “next”.")
